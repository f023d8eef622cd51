import type { LogprobItem, LogprobOptions } from '../../src/encoding/logprob-item.ts'
import { itemOf, optionsOf } from '../support/logprob-items.ts'
import { X_END_BY_LENGTH } from './scores/index.ts'

/** The concurrent requests of a trial, as from several clients. */
export interface TrialRequest {
  readonly items: readonly LogprobItem[]
  readonly options: LogprobOptions
}

const STORY = [
  'The old man walked slowly down the road to the village',
  'It was late in the evening, and the sun had gone down behind the hills',
  'He could hear the sound of the river',
  'and the voices of the children who were playing by the bridge',
  '"You may laugh," said he, "but I have seen it come up to the church door"',
  'The Captain took off his hat and made a low bow to the Queen'
]

/** Valid requests that a healthy service scores without a warning. `ids` are about 100 tokens of prose. */
export function trialRequests(ids: readonly number[]): TrialRequest[] {
  const pairs = STORY.map((text, i) => {
    const cut = text.lastIndexOf(' ', text.length - 8 * (i % 3) - 1)
    return itemOf(text.slice(0, cut), text.slice(cut), i)
  })
  const outputs = [' time', ' day', ' hill', ' certain day', ' little'].map((y, candidate) => ({ ...itemOf('Once upon a', y, candidate), candidate }))
  const [length, xEnd] = [...X_END_BY_LENGTH][0] ?? [41, 21]
  const cut = (start: number): LogprobItem => itemOf(ids.slice(start, start + xEnd - 1), ids.slice(start + xEnd - 1, start + length - 1))
  const asked: { readonly items: readonly LogprobItem[]; readonly options: Partial<LogprobOptions> }[] = [
    { items: pairs, options: {} },
    { items: outputs, options: { detail: 'tokens' } },
    { items: [cut(0), { ...cut(30), index: 1 }, { ...cut(55), index: 2 }], options: {} },
    { items: [itemOf('The door closed behind him', ', and the house was still.')], options: { eos: 'score' } },
    { items: [itemOf('The tag <|endoftext|> ends a text', ' in the training data.')], options: {} },
    { items: [itemOf('', 'The children ran down to the river.')], options: { terms: new Set(['conditional']) } }
  ]
  return asked.map(({ items, options }) => ({ items, options: optionsOf(options) }))
}
