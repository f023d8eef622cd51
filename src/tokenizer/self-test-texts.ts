import { elementAt } from '../element-at.ts'
import { ServiceError } from '../errors.ts'
import { type Check, check } from '../scoring/checks/check.ts'
import type { Tokenizer } from './tokenizer.ts'

/** Plain sentences on everyday things: any language model that has seen English finds them likely. */
const NATURAL =
  'The old man walked slowly down the road to the village. It was late in the evening, and the sun had gone down behind the hills. He could hear the sound of the river, and the voices of the children who were playing by the bridge.'

/** More tokens would only make the start longer; fewer say little. */
const MAX_TOKENS = 64
const MIN_TOKENS = 4

/** Sixteen tokens and more say something of a model, and the first half of them has to be a text too. */
export interface SelfTestIds {
  readonly natural: readonly number[]
  readonly reversed: readonly number[]
  readonly textVocabSize: number
}

/** What the start-up self-test scores: natural text, and its words in reverse order, as ids that fit the context. */
export async function selfTestIds(tokenizer: Tokenizer, prefixTokenId: number | null, maxModelLen: number): Promise<SelfTestIds> {
  const reversedText = NATURAL.split(' ').reverse().join(' ')
  const encoded = await tokenizer.encode([NATURAL, reversedText], { parseSpecialTokens: false })
  const [natural, reversed] = encoded.map((ids) => [...(prefixTokenId === null ? [] : [prefixTokenId]), ...ids].slice(0, Math.min(MAX_TOKENS, maxModelLen)))
  if (natural === undefined || reversed === undefined || natural.length < MIN_TOKENS || reversed.length < MIN_TOKENS)
    throw new ServiceError(
      'model_invalid',
      `the tokenizer makes ${natural?.length ?? 0} tokens of a paragraph of English: it does not belong to a language model`
    )
  return { natural, reversed, textVocabSize: tokenizer.info.vocabSize }
}

interface KnownTokens {
  readonly text: string
  /** Prefix token first. */
  readonly ids: readonly number[]
}

/** `tokenizer_known_answer`: known texts have their known ids. `value` is how many do not. */
export async function tokenizerKnownAnswer(tokenizer: Tokenizer, known: readonly KnownTokens[]): Promise<Check> {
  if (known.length === 0) return check('tokenizer_known_answer', 'skipped', 'no token ids are known for this model')
  const encoded = await tokenizer.encode(
    known.map(({ text }) => text),
    { parseSpecialTokens: true }
  )
  const wrong = known.filter(({ ids }, i) => ids.slice(1).join() !== [...elementAt(encoded, i)].join()).length
  const finding = { independent: true, value: wrong, tolerance: 0 }
  if (wrong === 0) return check('tokenizer_known_answer', 'pass', `${known.length} texts have their stored token ids`, finding)
  return check('tokenizer_known_answer', 'fail', `${wrong} of ${known.length} texts do not have their stored token ids`, finding)
}
