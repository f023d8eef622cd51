import { wholeTensorQuantizers } from '../../model/onnx/dynamic-quantization.ts'
import { findHead } from '../../model/onnx/find-head.ts'
import { splitQuantizedProducts } from '../../model/onnx/split-quantized-product.ts'
import type { InspectedModel, Section } from '../section.ts'

const SHOWN_INPUTS = 4

/** What the graph is as it came: its operators, inputs and head. */
export function graphSection({ folder, original }: InspectedModel): Section {
  const operatorSets = [...original.opsets].map(([domain, version]) => [domain === '' ? 'ai.onnx' : domain, version] as const)
  const inputs = original.inputs.map(({ name, shape }) => `${name} [${shape?.join(', ') ?? 'unknown rank'}]`)
  const head = findHead(splitQuantizedProducts(original))
    .nodes.map(({ opType }) => opType)
    .join(' -> ')
  const quantizers = wholeTensorQuantizers(original).length
  const hidden = inputs.length - SHOWN_INPUTS
  return {
    name: 'graph',
    json: {
      operator_sets: Object.fromEntries(operatorSets),
      inputs,
      feeds: folder.inputs.map(({ name, role }) => `${name}: ${role}`),
      head,
      whole_tensor_quantizers: quantizers
    },
    lines: [
      ['operator sets', operatorSets.map(([domain, version]) => `${domain} ${version}`).join(', ')],
      ['inputs', hidden > 0 ? `${inputs.slice(0, SHOWN_INPUTS - 1).join('; ')}; ${hidden + 1} more` : inputs.join('; ')],
      ['head', head],
      ...(quantizers === 0 ? [] : [['activations', `quantized over whole tensors: ${quantizers} operators; scores are approximate and run alone`] as const])
    ]
  }
}
