import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Frees the garbage of this thread once, after work that leaves a lot of it behind: V8 would keep it until the heap has
 * grown again, which a thread that then stays small never does. Blocks the thread for up to 0.2 s. Does nothing on an
 * engine without the function, which V8 gives to contexts that are created while the flag is set.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('typeof gc === "function" ? gc : null')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect === 'function') collect()
}
