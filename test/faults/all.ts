import { BOOKKEEPING_FAULTS } from './bookkeeping/index.ts'
import type { Fault } from './fault.ts'
import { writeDynamicInt8Model } from './graph/dynamic-int8.ts'
import { GRAPH_FAULTS } from './graph/index.ts'
import { writeMutatedModel } from './graph/write-mutated-model.ts'
import { SCORE_FAULTS } from './scores/index.ts'
import { SHARING_FAULTS } from './sharing/index.ts'
import { TOKEN_FAULTS } from './tokens/index.ts'
import { WEIGHT_FAULTS } from './weights/index.ts'

/**
 * Graph faults that change no score: an ignored mask with padding on the right, left padding with its mask, shifted
 * rotary positions.
 */
const HARMLESS = new Set(['attention mask ignored', 'left padding', 'positions continue across sequences'])

/** Every planted fault. */
export const FAULTS: readonly Fault[] = [
  ...GRAPH_FAULTS.map(
    ({ name, description, mutate }): Fault => ({
      name,
      kind: 'graph',
      description,
      ...(HARMLESS.has(name) ? { isHarmless: true } : {}),
      folder: (source, target) => writeMutatedModel(source, target, mutate)
    })
  ),
  {
    name: 'dynamic int8 per tensor',
    kind: 'graph',
    description: 'activations share one scale per tensor, in a file that claims float32',
    folder: (source, target) => {
      writeDynamicInt8Model(source, target, { file: 'model.onnx' })
    }
  },
  ...WEIGHT_FAULTS.map(({ name, description, write }): Fault => ({ name, kind: 'weights', description, folder: write })),
  ...SCORE_FAULTS,
  ...TOKEN_FAULTS,
  ...BOOKKEEPING_FAULTS,
  ...SHARING_FAULTS
]
