import { type PackedRow, packedRowOf } from '../../src/engine/packed-row.ts'
import { halfBits, halfTensor } from '../../src/engine/process/half-tensor.ts'
import { InferenceSession, Tensor } from '../../src/engine/process/onnxruntime.ts'
import { ATTENTION_BIAS, type AttentionInfo, BLOCKED, withAttentionBias } from '../../src/model/onnx/attention-bias.ts'
import { BOOL, FLOAT, FLOAT16, INT32 } from '../../src/model/onnx/data-types.ts'
import type { Graph } from '../../src/model/onnx/graph.ts'
import { type ModelInput, modelInputs } from '../../src/model/onnx/model-inputs.ts'
import { cachePairs } from '../../src/model/onnx/past-key-values.ts'
import { ownInputs, SCORING_INPUTS, SCORING_OUTPUTS, scoringGraph } from '../../src/model/onnx/scoring-graph.ts'
import { writeOnnx } from '../../src/model/onnx/write.ts'
import { openModel } from '../../src/model/open-model.ts'
import { openGraph } from '../../src/model/weights/open-graph.ts'
import { int64, measureFeeds } from './scoring-session.ts'

/** A row of S tokens after a past of P tokens. */
interface Row {
  readonly ids: readonly number[]
  readonly positions?: readonly number[]
  /** Attention bias, (S, P+S) row-major; absent in a plain pass. */
  readonly bias?: Float32Array
  readonly past?: Readonly<Record<string, Tensor>>
  readonly pastLength?: number
  /** The rows to score and the target token of each; by default all rows with token 0. */
  readonly wanted?: readonly { readonly row: number; readonly target: number }[]
}

type Outputs = Readonly<Record<string, Tensor>>

/** A model in the process of the test, with and without the attention bias. */
export interface PackedScoring {
  readonly window: number | null
  readonly hasPast: boolean
  /** All outputs of the graph without the bias. */
  unbiased(row: Row): Promise<Outputs>
  biased(row: Row): Promise<Outputs>
  /** The key-value cache after a pass over these tokens. */
  pastOf(ids: readonly number[]): Promise<Readonly<Record<string, Tensor>>>
  close(): Promise<void>
}

/** Throws with the reason when the graph does not support packed rows. */
export async function openPacked(path: string, facts: Partial<AttentionInfo> = {}): Promise<PackedScoring> {
  const model = openModel(path)
  const { graph, folder, located } = openGraph({ onnxPath: model.onnxPath, modelFolder: model.folder })
  const plain = scoringGraph(graph)
  const pairs = cachePairs(graph, plain) ?? []
  const packable = withAttentionBias(scoringGraph(graph, { keepPresents: pairs.map(({ present }) => present) }), {
    slidingWindow: model.slidingWindow,
    ...facts
  })
  if ('reason' in packable) throw new Error(packable.reason)
  const session = (scoring: Graph): Promise<InferenceSession> =>
    InferenceSession.create(writeOnnx(located(scoring)), {
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
      extra: { session: { model_external_initializers_file_folder_path: folder } }
    })
  const [without, withBias] = [await session(plain), await session(packable.graph)]
  const inputsOf = (scoring: Graph): ModelInput[] => modelInputs(ownInputs(scoring), model)
  const unbiasedInputs = inputsOf(plain)
  const biasedInputs = inputsOf(packable.graph)
  const biased = (row: Row): Promise<Outputs> => withBias.run({ ...feedsOf(biasedInputs, row), [ATTENTION_BIAS]: biasOf(row) })

  return {
    window: packable.window,
    hasPast: pairs.length > 0,
    unbiased: (row) => without.run(feedsOf(unbiasedInputs, row)),
    biased,
    pastOf: async (ids) => {
      const outputs = await biased({ ids })
      return Object.fromEntries(pairs.map(({ past, present }) => [past, fedAgain(outputs[present]!)]))
    },
    close: async () => {
      await without.release()
      await withBias.release()
    }
  }
}

/** (S, P+S): every token attends to the past and to the tokens up to itself. */
function packedRowBias({ ids, ends }: PackedRow, pastLength: number): Float32Array {
  const columns = pastLength + ids.length
  const bias = new Float32Array(ids.length * columns).fill(BLOCKED)
  for (let i = 0; i < ids.length; i++) {
    bias.fill(0, i * columns, i * columns + pastLength)
    for (let j = 0; j <= i; j++) if (i < ends[j]!) bias[i * columns + pastLength + j] = 0
  }
  return bias
}

/**
 * Log-probabilities of tokens 1.. of each sequence, or of the tokens after the past, from one row with all sequences.
 */
export async function packedLogProbs(model: PackedScoring, sequences: readonly (readonly number[])[], pastLength = 0): Promise<number[][]> {
  const fed = sequences.map((ids) => Int32Array.from(ids.slice(pastLength, -1)))
  const packed = packedRowOf(fed)
  const wanted = packed.paths.flatMap((path, k) => Array.from(path, (row, i) => ({ row, target: sequences[k]![pastLength + i + 1]! })))
  const outputs = await model.biased({
    ids: [...packed.ids],
    positions: Array.from(packed.positions, (position) => pastLength + position),
    bias: packedRowBias(packed, pastLength),
    wanted,
    ...(pastLength === 0 ? {} : { past: await model.pastOf(sequences[0]!.slice(0, pastLength)), pastLength })
  })
  const numbers = Array.from(outputs[SCORING_OUTPUTS.logProb]!.data as Float32Array)
  let at = 0
  return packed.paths.map((path) => {
    at += path.length
    return numbers.slice(at - path.length, at)
  })
}

/** Log-probabilities of tokens 1.. of one sequence, scored alone without the bias. */
export async function aloneLogProbs(model: PackedScoring, ids: readonly number[]): Promise<number[]> {
  const wanted = ids.slice(1).map((target, row) => ({ row, target }))
  const outputs = await model.unbiased({ ids: ids.slice(0, -1), wanted })
  return Array.from(outputs[SCORING_OUTPUTS.logProb]!.data as Float32Array)
}

function biasOf({ ids, bias, pastLength = 0 }: Row): Tensor {
  if (bias === undefined) return new Tensor('float32', new Float32Array(1), [1, 1, 1, 1])
  return new Tensor('float32', bias, [1, 1, ids.length, pastLength + ids.length])
}

function feedsOf(inputs: readonly ModelInput[], row: Row): Record<string, Tensor> {
  const { ids, past = {}, pastLength = 0 } = row
  const S = ids.length
  const { positions = ids.map((_, i) => pastLength + i), wanted = ids.map((_, i) => ({ row: i, target: 0 })) } = row
  const own = inputs.map(({ name, elementType, role, dims }): [string, Tensor] => {
    if (past[name] !== undefined) return [name, past[name]]
    if (dims !== null) {
      const sizes = dims.map((dim) => (typeof dim === 'number' ? dim : dim.perText))
      return [name, tensorOf(elementType, new Array<number>(sizes.reduce((product, size) => product * size, 1)).fill(0), sizes)]
    }
    if (role === 'mask') return [name, tensorOf(elementType, new Array<number>(pastLength + S).fill(1), [1, pastLength + S])]
    return [name, tensorOf(elementType, role === 'ids' ? ids : role === 'positions' ? positions : ids.map(() => 0), [1, S])]
  })
  return {
    ...Object.fromEntries(own),
    [SCORING_INPUTS.rows]: int64(
      wanted.map((each) => each.row),
      [1, wanted.length]
    ),
    [SCORING_INPUTS.targets]: int64(
      wanted.map(({ target }) => target),
      [1, wanted.length]
    ),
    [SCORING_INPUTS.detailed]: new Tensor('bool', [true], []),
    [SCORING_INPUTS.topCount]: int64([3], [1]),
    [SCORING_INPUTS.probed]: int64([], [0]),
    ...measureFeeds(null)
  }
}

function tensorOf(elementType: number, values: readonly number[], dims: readonly number[]): Tensor {
  if (elementType === BOOL) return new Tensor('bool', Uint8Array.from(values), dims)
  if (elementType === FLOAT) return new Tensor('float32', Float32Array.from(values), dims)
  if (elementType === INT32) return new Tensor('int32', Int32Array.from(values), dims)
  // The only float16 input here is an empty past.
  if (elementType === FLOAT16) return halfTensor(Uint16Array.from(values), dims)
  return int64(values, dims)
}

/** Turns an output into an input of the next pass. */
function fedAgain(tensor: Tensor): Tensor {
  return tensor.type === 'float16' ? halfTensor(halfBits(tensor.data as Uint16Array), tensor.dims) : tensor
}
