import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { TextTokenizer, Tokenizer } from '../tokenizer.ts'
import { startTextTokenizer, startTokenizer, type TokenizerOptions } from './thread-tokenizer.ts'

/** Files of a model folder that decide how a tokenizer works: config.json may name the end token. */
const TOKENIZER_FILES = /^(tokenizer|special_tokens|added_tokens|chat_template|generation_config|config)[^/]*$|\.jinja$/

interface Running<T> {
  readonly started: Promise<T>
  /** Callbacks of the models that use it. */
  readonly onEnd: Set<() => void>
}

type Closable = Pick<Tokenizer, 'close'>

/**
 * The tokenizer threads of a process. Models whose tokenizer files are equal share a thread and with it the
 * vocabulary, which takes up to 350 MiB for 262,144 tokens. A thread ends when its last model closes it.
 */
export class SharedTokenizers {
  readonly #full = new Map<string, Running<Tokenizer & TextTokenizer>>()
  readonly #text = new Map<string, Running<TextTokenizer>>()

  /** As `startTokenizer`. */
  start(folder: string, onEnd: () => void, options: TokenizerOptions): Promise<Tokenizer & TextTokenizer> {
    return joined(this.#full, folder, onEnd, (onThreadEnd) => startTokenizer(folder, onThreadEnd, options))
  }

  /** As `startTextTokenizer`. */
  startText(folder: string, onEnd: () => void, options: TokenizerOptions): Promise<TextTokenizer> {
    return joined(this.#text, folder, onEnd, (onThreadEnd) => startTextTokenizer(folder, onThreadEnd, options))
  }
}

/** Joins the thread for the files of `folder`, or starts it. */
async function joined<T extends Closable>(
  running: Map<string, Running<T>>,
  folder: string,
  onEnd: () => void,
  start: (onEnd: () => void) => Promise<T>
): Promise<T> {
  const key = await contentKey(folder)
  let entry = running.get(key)
  if (entry === undefined) {
    const callbacks = new Set<() => void>()
    const onThreadEnd = (): void => {
      running.delete(key)
      for (const callback of callbacks) callback()
    }
    entry = { started: start(onThreadEnd), onEnd: callbacks }
    running.set(key, entry)
    // The next model with these files tries again.
    entry.started.catch(() => running.delete(key))
  }
  const { started, onEnd: callbacks } = entry
  callbacks.add(onEnd)
  const tokenizer = await started
  return closedByLast(tokenizer, async () => {
    callbacks.delete(onEnd)
    if (callbacks.size > 0) return
    running.delete(key)
    await tokenizer.close()
  })
}

/** The tokenizer with another `close`. */
function closedByLast<T extends Closable>(tokenizer: T, close: () => Promise<void>): T {
  return new Proxy(tokenizer, {
    get(target, name) {
      if (name === 'close') return close
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

/** One SHA-256 over names and contents of the tokenizer files. */
async function contentKey(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => TOKENIZER_FILES.test(name)).sort()
  const hash = createHash('sha256')
  for (const name of names) {
    hash.update(`\0${name}\0`)
    await pipeline(createReadStream(join(folder, name)), hash, { end: false })
  }
  return hash.digest('hex')
}
