import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Region, reasonsOf } from '../../src/loss/regions.ts'
import { present } from '../support/present.ts'

/** Regions one after the other, by reason and length. */
function regionsOf(parts: readonly (readonly [Region['reason'], number])[]): Region[] {
  let end = 0
  return parts.map(([reason, length]) => {
    const start = end
    end += length
    return { start, end, reason }
  })
}

describe('reasonsOf', () => {
  const CASES: readonly [string, readonly number[], readonly (readonly [Region['reason'], number])[], readonly string[]][] = [
    [
      'follows boundaries between tokens',
      [0, 2, 5, 6],
      [
        ['prompt', 2],
        ['completion', 4]
      ],
      ['prompt', 'completion', 'completion']
    ],
    [
      'masks a token across the start of a completion',
      [0, 3, 6],
      [
        ['prompt', 2],
        ['completion', 4]
      ],
      ['straddle', 'completion']
    ],
    [
      'masks a token across the end of a completion',
      [0, 3, 6],
      [
        ['completion', 2],
        ['template', 4]
      ],
      ['straddle', 'template']
    ],
    [
      'masks a token that contains a whole completion',
      [0, 6],
      [
        ['prompt', 2],
        ['completion', 2],
        ['prompt', 2]
      ],
      ['straddle']
    ],
    [
      'trains a token across two completions',
      [0, 4],
      [
        ['completion', 2],
        ['completion', 2]
      ],
      ['completion']
    ],
    [
      'trains a token that starts in a lead',
      [0, 2, 5],
      [
        ['template', 2],
        ['lead', 1],
        ['completion', 2]
      ],
      ['template', 'completion']
    ],
    [
      'labels a token of only a lead as template',
      [0, 2, 3, 5],
      [
        ['template', 2],
        ['lead', 1],
        ['completion', 2]
      ],
      ['template', 'template', 'completion']
    ],
    [
      'masks a token that starts before a lead',
      [0, 5],
      [
        ['template', 2],
        ['lead', 1],
        ['completion', 2]
      ],
      ['straddle']
    ],
    [
      'labels a token of template and prompt as prompt',
      [0, 4],
      [
        ['template', 1],
        ['prompt', 3]
      ],
      ['prompt']
    ],
    [
      'labels a token without bytes by its position',
      [0, 2, 2, 4],
      [
        ['prompt', 2],
        ['completion', 2]
      ],
      ['prompt', 'completion', 'completion']
    ],
    [
      'skips empty regions',
      [0, 2, 4],
      [
        ['completion', 0],
        ['prompt', 2],
        ['template', 0],
        ['completion', 2]
      ],
      ['prompt', 'completion']
    ]
  ]
  for (const [what, starts, parts, reasons] of CASES) it(what, () => assert.deepEqual(reasonsOf(starts, regionsOf(parts)), reasons))

  it('trains exactly the tokens whose bytes are all trained', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(lengths, fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (tokens, flags) => {
        const starts = [0]
        for (const length of tokens) starts.push(present(starts.at(-1)) + length)
        const total = present(starts.at(-1))
        const size = Math.max(1, Math.floor(total / flags.length))
        const parts = flags.map((isTrained, i) => [isTrained ? 'completion' : 'prompt', i === flags.length - 1 ? Math.max(1, total - size * i) : size] as const)
        const isTrainedByte = parts.flatMap(([reason, length]) => Array.from({ length }, () => reason === 'completion'))
        reasonsOf(starts, regionsOf(parts)).forEach((reason, i) => {
          const bytes = isTrainedByte.slice(starts[i], starts[i + 1])
          assert.equal(reason, bytes.every(Boolean) ? 'completion' : bytes.some(Boolean) ? 'straddle' : 'prompt')
        })
      })
    )
  })
})
