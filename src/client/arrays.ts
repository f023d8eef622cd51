import type { components } from './openapi.ts'

type Values = Int32Array | Float32Array | Float64Array | BigInt64Array | Uint8Array

/** All sequences of a response, in input order. */
export interface LogprobArrays {
  readonly sequences: readonly SequenceArrays[]
  readonly model: string
  readonly usage: components['schemas']['Usage']
  readonly stamp: components['schemas']['Stamp']
}

/**
 * The tokens of one sequence: arrays with an entry per token, views into the response. A missing integer is -1, a
 * missing number NaN. Those that were not requested are absent.
 */
export interface SequenceArrays {
  /** Place in the request, sums and checks, or why there are no scores; `object` tells them apart. */
  readonly result: Omit<components['schemas']['LogprobArrays'], PerToken> | components['schemas']['LogprobFailure']
  /** Position in the sequence of the token that the first entries belong to. */
  readonly start: number
  readonly ids: Int32Array
  readonly logProbs: Float32Array
  readonly ranks?: Int32Array
  readonly entropies?: Float32Array
  /** Standard deviation of log p under the distribution that predicts each token, in nats. */
  readonly logProbStds?: Float32Array
  /** In the UTF-8 text of x and y together. */
  readonly byteStarts?: Int32Array
  readonly byteEnds?: Int32Array
  /** Row-major: `topCount` entries per token. */
  readonly topIds?: Int32Array
  readonly topLogProbs?: Float32Array
  readonly topCount: number
}

type PerToken = 'ids' | 'log_probs' | 'ranks' | 'entropies' | 'log_prob_stds' | 'byte_starts' | 'byte_ends' | 'top_ids' | 'top_log_probs'

/** Reads the .npz file of a response. Throws `TypeError` when it is none. */
export function logprobArraysOf(file: ArrayBuffer): LogprobArrays {
  const members = membersOf(file)
  const meta = JSON.parse(new TextDecoder().decode(valuesOf(members, 'meta', Uint8Array))) as Omit<LogprobArrays, 'sequences'> & {
    readonly results: readonly SequenceArrays['result'][]
  }
  const splits = valuesOf(members, 'row_splits', BigInt64Array)
  const starts = valuesOf(members, 'starts', Int32Array)
  const topCount = members.get('top_ids')?.shape[1] ?? 0
  const sequences = meta.results.map((result, i): SequenceArrays => {
    const start = Number(splits[i])
    const end = Number(splits[i + 1])
    const ints = (name: PerToken, width = 1): Int32Array => valuesOf(members, name, Int32Array).subarray(start * width, end * width)
    const floats = (name: PerToken, width = 1): Float32Array => valuesOf(members, name, Float32Array).subarray(start * width, end * width)
    return {
      result,
      start: starts[i] as number,
      ids: members.has('ids') ? ints('ids') : new Int32Array(0),
      logProbs: members.has('log_probs') ? floats('log_probs') : new Float32Array(0),
      ...(members.has('ranks')
        ? {
            ranks: ints('ranks'),
            entropies: floats('entropies'),
            logProbStds: floats('log_prob_stds'),
            byteStarts: ints('byte_starts'),
            byteEnds: ints('byte_ends')
          }
        : {}),
      ...(topCount > 0 ? { topIds: ints('top_ids', topCount), topLogProbs: floats('top_log_probs', topCount) } : {}),
      topCount
    }
  })
  return { sequences, model: meta.model, usage: meta.usage, stamp: meta.stamp }
}

interface Member {
  readonly values: Values
  readonly shape: readonly number[]
}

function valuesOf<T extends Values>(members: ReadonlyMap<string, Member>, name: string, type: abstract new (...parts: never[]) => T): T {
  const values = members.get(name)?.values
  if (values instanceof type) return values
  throw new TypeError(`the response has no array ${name} of type ${type.name}: does the service have another version than this client?`)
}

const ENTRY_SIGNATURE = 0x02014b50
const END_SIGNATURE = 0x06054b50
const END_BYTES = 22
const ENTRY_BYTES = 46
const LOCAL_BYTES = 30

/** The members of a ZIP file without compression, by its central directory. */
function membersOf(file: ArrayBuffer): Map<string, Member> {
  const view = new DataView(file)
  const end = file.byteLength - END_BYTES
  if (end < 0 || view.getUint32(end, true) !== END_SIGNATURE) throw new TypeError('the response is no .npz file, or it is cut off')
  const members = new Map<string, Member>()
  let at = view.getUint32(end + 16, true)
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (view.getUint32(at, true) !== ENTRY_SIGNATURE || view.getUint16(at + 10, true) !== 0) throw new TypeError('a member of the response is compressed')
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [number, number, number]
    const sizeBytes = view.getUint32(at + 24, true)
    const local = view.getUint32(at + 42, true)
    const start = local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
    const name = new TextDecoder().decode(new Uint8Array(file, at + ENTRY_BYTES, nameBytes))
    members.set(name.replace(/\.npy$/, ''), npyOf(file, start, sizeBytes))
    at += ENTRY_BYTES + nameBytes + extraBytes + commentBytes
  }
  return members
}

const TYPES = { '<i4': Int32Array, '<i8': BigInt64Array, '<f4': Float32Array, '<f8': Float64Array, '|u1': Uint8Array } as const
const PREFIX_BYTES = 10

/** An array of the .npy format, version 1.0, in little-endian order as the processors that browsers run on. */
function npyOf(file: ArrayBuffer, start: number, sizeBytes: number): Member {
  const headerBytes = new DataView(file).getUint16(start + 8, true)
  const header = new TextDecoder('latin1').decode(new Uint8Array(file, start + PREFIX_BYTES, headerBytes))
  const [, type = '', shape = ''] = /'descr': '([^']+)'.*'shape': \(([^)]*)\)/.exec(header) ?? []
  if (!isType(type)) throw new TypeError(`an array of the response has the unknown type ${type}`)
  // A copy, because the array may begin at any byte of the file.
  const bytes = file.slice(start + PREFIX_BYTES + headerBytes, start + sizeBytes)
  return { values: new TYPES[type](bytes), shape: shape.split(',').filter(Boolean).map(Number) }
}

function isType(type: string): type is keyof typeof TYPES {
  return type in TYPES
}
