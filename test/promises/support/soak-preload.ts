/**
 * Preloaded into a service under soak by `node --import`. SIGCONT collects garbage, so that the heap can be compared.
 * With LOGPR_SOAK_LEAK it keeps 1 KB of each request for ever: the negative control, which the soak has to report.
 */

import { Server } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

const LEAKED_DOUBLES = 128
const leaked: number[][] = []

if (isMainThread) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  process.on('SIGCONT', () => collect())
}

if (process.env.LOGPR_SOAK_LEAK !== undefined) {
  const emit = Server.prototype.emit as (this: Server, event: string | symbol, ...args: unknown[]) => boolean
  Server.prototype.emit = function (this: Server, event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'request') leaked.push(Array.from({ length: LEAKED_DOUBLES }, () => Math.random()))
    return emit.call(this, event, ...args)
  }
}
