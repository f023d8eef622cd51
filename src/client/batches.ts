import { LogprError } from './errors.ts'

export interface BatchOptions {
  /** Most outputs in one request. Default 256; the service takes 8,192 unless `--max-items` says otherwise. */
  readonly batchSize?: number
  /** Requests in progress at the same time. Default 4. */
  readonly concurrency?: number
}

const DEFAULT_BATCH_SIZE = 256
const DEFAULT_CONCURRENCY = 4
/** Well below `--max-body-bytes`, 32 MiB, also for texts whose characters take three bytes each. */
const MAX_BATCH_CHARS = 4_194_304

/** What a request costs: its number of outputs, and its length in characters. */
export interface Weight {
  readonly outputs: number
  readonly chars: number
}

/** Cuts a list of any length into batches. An item that exceeds a limit alone is a batch alone. */
export async function* batchesOf<T>(
  items: Iterable<T> | AsyncIterable<T>,
  weigh: (item: T) => Weight,
  { batchSize = DEFAULT_BATCH_SIZE }: BatchOptions = {}
): AsyncGenerator<T[], void, undefined> {
  if (!Number.isInteger(batchSize) || batchSize < 1) throw new RangeError('batchSize must be a whole number of at least 1')
  let batch: T[] = []
  let outputs = 0
  let chars = 0
  for await (const item of items) {
    const weight = weigh(item)
    if (batch.length > 0 && (outputs + weight.outputs > batchSize || chars + weight.chars > MAX_BATCH_CHARS)) {
      yield batch
      batch = []
      outputs = 0
      chars = 0
    }
    batch.push(item)
    outputs += weight.outputs
    chars += weight.chars
  }
  if (batch.length > 0) yield batch
}

/**
 * `run` of each input, in the order of the inputs, with at most `concurrency` of them in progress. Reads no further
 * than it works. After an error, or when the caller leaves the loop, `stop` is called and no further input is read.
 */
export async function* inOrder<In, Out>(
  inputs: AsyncIterable<In>,
  run: (input: In) => Promise<Out>,
  stop: () => void,
  { concurrency = DEFAULT_CONCURRENCY }: BatchOptions = {}
): AsyncGenerator<Out, void, undefined> {
  if (!Number.isInteger(concurrency) || concurrency < 1) throw new RangeError('concurrency must be a whole number of at least 1')
  const pending: Promise<Out>[] = []
  try {
    for await (const input of inputs) {
      const result = run(input)
      // Its error is thrown when its turn comes.
      result.catch(() => undefined)
      pending.push(result)
      if (pending.length >= concurrency) yield await (pending.shift() as Promise<Out>)
    }
    while (pending.length > 0) yield await (pending.shift() as Promise<Out>)
  } finally {
    stop()
  }
}

/** Errors of a request that smaller requests may not have. */
const TOO_MUCH: ReadonlySet<string> = new Set(['body_too_large', 'deadline_exceeded'])

/** `run` of the whole list, or of its halves where the whole is too much for one request. */
export async function inHalves<T, Out>(items: readonly T[], run: (items: readonly T[]) => Promise<Out[]>): Promise<Out[]> {
  try {
    return await run(items)
  } catch (error) {
    if (!(error instanceof LogprError) || !TOO_MUCH.has(error.code) || items.length < 2) throw error
    const middle = Math.ceil(items.length / 2)
    return [...(await inHalves(items.slice(0, middle), run)), ...(await inHalves(items.slice(middle), run))]
  }
}
