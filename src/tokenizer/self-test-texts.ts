import { elementAt } from '../element-at.ts'
import { ServiceError } from '../errors.ts'
import { type Check, check } from '../scoring/checks/check.ts'
import type { Tokenizer } from './tokenizer.ts'

/** Plain sentences about everyday things, which any language model trained on English finds probable. */
const NATURAL =
  'The old man walked slowly down the road to the village. It was late in the evening, and the sun had gone down behind the hills. He could hear the sound of the river, and the voices of the children who were playing by the bridge.'

/** More tokens would only slow the start down; fewer show little. */
const MAX_TOKENS = 64
const MIN_TOKENS = 4

/** Token ids that the start-up self-test scores, prefix token included. Checks of a mean need at least 16 tokens. */
export interface SelfTestIds {
  readonly natural: readonly number[]
  /** The same words in reverse order. */
  readonly reversed: readonly number[]
  /** Vocabulary size of the tokenizer; the model may have more logits. */
  readonly textVocabSize: number
}

/**
 * Encodes natural text and its words in reverse order, truncated to the context. Throws `model_invalid` for too few
 * tokens.
 */
export async function selfTestIds(tokenizer: Tokenizer, prefixTokenId: number | null, maxModelLen: number): Promise<SelfTestIds> {
  const reversedText = NATURAL.split(' ').reverse().join(' ')
  const encoded = await tokenizer.encode([NATURAL, reversedText], { parseSpecialTokens: false })
  const [natural, reversed] = encoded.map((ids) => [...(prefixTokenId === null ? [] : [prefixTokenId]), ...ids].slice(0, Math.min(MAX_TOKENS, maxModelLen)))
  if (natural === undefined || reversed === undefined || natural.length < MIN_TOKENS || reversed.length < MIN_TOKENS)
    throw new ServiceError(
      'model_invalid',
      `the tokenizer encodes a paragraph of English as ${natural?.length ?? 0} tokens, fewer than ${MIN_TOKENS}; check that tokenizer.json belongs to the model and that the context has at least ${MIN_TOKENS} tokens`
    )
  return { natural, reversed, textVocabSize: tokenizer.info.vocabSize }
}

interface KnownTokens {
  readonly text: string
  /** Beginning with the prefix token. */
  readonly ids: readonly number[]
}

/** `tokenizer_known_answer`. `value` is the number of texts with other ids. */
export async function tokenizerKnownAnswer(tokenizer: Tokenizer, known: readonly KnownTokens[]): Promise<Check> {
  if (known.length === 0) return check('tokenizer_known_answer', 'skipped', 'no token ids are stored for this model')
  const encoded = await tokenizer.encode(
    known.map(({ text }) => text),
    { parseSpecialTokens: true }
  )
  const wrong = known.filter(({ ids }, i) => ids.slice(1).join() !== [...elementAt(encoded, i)].join()).length
  const finding = { independent: true, value: wrong, tolerance: 0 }
  if (wrong === 0) return check('tokenizer_known_answer', 'pass', `${known.length} texts have their stored token ids`, finding)
  return check('tokenizer_known_answer', 'fail', `${wrong} of ${known.length} texts do not have their stored token ids`, finding)
}
