import { ServiceError } from '../errors.ts'
import type { AddedToken } from './added-tokens.ts'
import { type PretrainedTokenizer, spellingOf } from './pretrained-tokenizer.ts'
import type { TokenizerDescription } from './tokenizer.ts'

/** A larger model_max_length, such as 1e30, means that no length is stated. */
const MAX_STATED_TOKENS = 1e9

/** Ids of a text, optionally with the ids that the post-processor adds. The post-processor never adds a second BOS. */
export function libraryIds(full: PretrainedTokenizer, text: string, addSpecialTokens: boolean): number[] {
  const encode = (withAdded: boolean): number[] => full.encode(text, { addSpecialTokens: withAdded })
  if (!addSpecialTokens) return text === '' ? [] : encode(false)
  const ids = encode(true)
  const begin = full.beginId
  // BOS tokens that the text itself spells stay, however many; only an added one in front of them is removed.
  if (ids[0] !== begin || ids[1] !== begin) return ids
  const own = leading(encode(false), begin)
  return own > 0 && own < leading(ids, begin) ? ids.slice(1) : ids
}

/** Number of times that `ids` begins with `id`. */
function leading(ids: readonly number[], id: number | null): number {
  const end = ids.findIndex((each) => each !== id)
  return end < 0 ? ids.length : end
}

/** How the vocabulary spells each token, as in `Ġcapital`. */
export function tokenSpellings(full: PretrainedTokenizer, ids: readonly number[]): string[] {
  return ids.map((id) => full.library.id_to_token(id) ?? '')
}

/**
 * The text of ids, with control tokens spelled out and no clean-up of spaces. Throws `token_out_of_range` for an id
 * without a token.
 */
export function libraryText(full: PretrainedTokenizer, ids: readonly number[]): string {
  const unknown = ids.find((id) => full.library.id_to_token(id) === undefined)
  if (unknown !== undefined)
    throw new ServiceError('token_out_of_range', `tokens contains id ${unknown}, which the tokenizer does not have; send ids of this model's vocabulary`, {
      param: 'tokens'
    })
  return ids.length === 0 ? '' : full.decode(ids)
}

/** Reads the description from both files. A token that is given as an object is described by its content. */
export function describeTokenizer(
  full: PretrainedTokenizer,
  added: readonly AddedToken[],
  { vocabSize, chatTemplate, transformersNotes }: Pick<TokenizerDescription, 'vocabSize' | 'chatTemplate' | 'transformersNotes'>
): TokenizerDescription {
  const { config } = full
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
    modelMaxLength: typeof stated === 'number' && stated <= MAX_STATED_TOKENS ? stated : null,
    addedTokens: added.map(({ id, content, special }) => ({ id, content, special: special === true })),
    chatTemplate,
    transformersNotes
  }
}
