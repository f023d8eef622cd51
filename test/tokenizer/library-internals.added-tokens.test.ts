import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { contextWith } from '../support/loaded-tokenizer.ts'
import { byteLevel, sentencePiece, type TokenizerFiles } from '../support/tokenizers.ts'

const special = (id: string): object => ({ SpecialToken: { id, type_id: 0 } })
const template = (before: readonly string[], after: readonly string[], ids: Readonly<Record<string, number>>): object => ({
  type: 'TemplateProcessing',
  single: [...before.map(special), { Sequence: { id: 'A', type_id: 0 } }, ...after.map(special)],
  pair: [],
  special_tokens: Object.fromEntries(Object.entries(ids).map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]))
})
const withProcessor = ({ tokenizer, config }: TokenizerFiles, post_processor: object): TokenizerFiles => ({
  tokenizer: { ...tokenizer, post_processor },
  config
})

describe('the facts of a tokenizer', () => {
  for (const [what, files, expected] of [
    ['nothing where there is no post-processor', byteLevel(), { before: [], after: [] }],
    [
      'nothing of one that only trims offsets',
      byteLevel({ post_processor: { type: 'ByteLevel', trim_offsets: false, add_prefix_space: false } }),
      { before: [], after: [] }
    ],
    ['a BOS that it puts in front', withProcessor(sentencePiece('normalizer'), template(['<s>'], [], { '<s>': 1 })), { before: [1], after: [] }],
    [
      'an end token that it puts behind',
      withProcessor(sentencePiece('none'), template(['<s>'], ['</s>'], { '<s>': 1, '</s>': 2 })),
      { before: [1], after: [2] }
    ]
  ] as const) {
    test(`say what is added to a text: ${what}`, async (t) => assert.deepEqual((await contextWith(t, files)).tokenizer.info.added, expected))
  }
})
