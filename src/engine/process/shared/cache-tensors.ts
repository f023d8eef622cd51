import type { TensorInfo } from '../../../model/onnx/graph.ts'
import { FLOAT16 } from '../../../model/onnx/graph.ts'
import { modelInputs } from '../../../model/onnx/model-inputs.ts'
import type { HeadSizes } from '../../../model/onnx/past-shape.ts'
import type { CacheTensor } from '../prefix-cache/cache-tensor.ts'

/** The caches among the inputs of a graph whose shapes are (B, heads, P, size). */
export function cacheTensors(inputs: readonly TensorInfo[], names: ReadonlySet<string>, sizes: HeadSizes): CacheTensor[] {
  return modelInputs(inputs, sizes).flatMap(({ name, elementType, dims }) => {
    if (!names.has(name) || dims === null) return []
    const [, heads = 0, , size = 0] = dims.map((dim) => (typeof dim === 'number' ? dim : dim.perText))
    return [{ past: name, heads, size, elementBytes: elementType === FLOAT16 ? (2 as const) : (4 as const) }]
  })
}
