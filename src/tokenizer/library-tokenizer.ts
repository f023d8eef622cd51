import type { PreTrainedTokenizer } from '@huggingface/transformers'
import { ServiceError } from '../errors.ts'
import type { TokenizerJson } from './token-bytes.ts'
import type { TokenizerDescription } from './tokenizer.ts'

/** Larger numbers in tokenizer_config.json mean that no length is stated. */
const LONGEST_STATED_TOKENS = 1e9

/** Ids of a text with what the post-processor adds, if that is wanted, and one BOS at its beginning at most. */
export function libraryIds(full: PreTrainedTokenizer, text: string, addSpecialTokens: boolean): number[] {
  const encode = (add_special_tokens: boolean): number[] => full.encode(text, { add_special_tokens })
  if (!addSpecialTokens) return text === '' ? [] : encode(false)
  const ids = encode(true)
  const begin = full.bos_token_id
  // The text may begin with several of its own, which stay; only the one that was put in front of them goes.
  if (ids[0] !== begin || ids[1] !== begin) return ids
  const own = leading(encode(false), begin)
  return own > 0 && own < leading(ids, begin) ? ids.slice(1) : ids
}

/** How many of the first ids are `id`. */
function leading(ids: readonly number[], id: number): number {
  const end = ids.findIndex((each) => each !== id)
  return end < 0 ? ids.length : end
}

/** The vocabulary's spelling of each id. */
export function piecesOfIds(full: PreTrainedTokenizer, ids: readonly number[]): string[] {
  return ids.map((id) => full._tokenizer.id_to_token(id) ?? '')
}

/** The text of ids, control tokens spelled out; nothing is cleaned up. Throws `token_out_of_range` for an id without a token. */
export function libraryText(full: PreTrainedTokenizer, ids: readonly number[]): string {
  const unknown = ids.find((id) => full._tokenizer.id_to_token(id) === undefined)
  if (unknown !== undefined) throw new ServiceError('token_out_of_range', `tokens holds token id ${unknown}, which stands for no token`, { param: 'tokens' })
  return ids.length === 0 ? '' : full.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false })
}

/** What the files say of the tokenizer. A token that they give as an object is told as its text. */
export function describeTokenizer(full: PreTrainedTokenizer, json: TokenizerJson, vocabSize: number): TokenizerDescription {
  const config = full.config as Readonly<Record<string, unknown>>
  const spelled = (name: string): string | null => spellingOf(config[name])
  const stated = config.model_max_length
  return {
    tokenizerClass: typeof config.tokenizer_class === 'string' ? config.tokenizer_class : 'PreTrainedTokenizerFast',
    beginToken: spelled('bos_token'),
    endToken: spelled('eos_token'),
    padToken: spelled('pad_token'),
    unknownToken: spelled('unk_token'),
    separatorToken: spelled('sep_token'),
    classToken: spelled('cls_token'),
    maskToken: spelled('mask_token'),
    additionalSpecialTokens: Array.isArray(config.additional_special_tokens)
      ? config.additional_special_tokens.map(spellingOf).filter((token) => token !== null)
      : [],
    vocabSize,
    modelMaxLength: typeof stated === 'number' && stated <= LONGEST_STATED_TOKENS ? stated : null,
    addedTokens: (json.added_tokens ?? []).map(({ id, content, special }) => ({ id, content, special: special === true })),
    chatTemplate: hasTemplate(full) ? full.get_chat_template() : null
  }
}

function hasTemplate({ chat_template }: PreTrainedTokenizer): boolean {
  return typeof chat_template === 'string' || (typeof chat_template === 'object' && chat_template !== null && 'default' in chat_template)
}

function spellingOf(token: unknown): string | null {
  if (typeof token === 'string') return token
  if (typeof token !== 'object' || token === null || !('content' in token)) return null
  return typeof token.content === 'string' ? token.content : null
}
