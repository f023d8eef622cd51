/**
 * The text of many ids, some at a time: the library takes 13 s and 400 MB for a million, and nobody else gets a turn
 * meanwhile. The text of a list is not the sum of the texts of its parts: a character may have several tokens, and
 * decoders treat the first and the last token differently. So each portion is decoded behind the tokens before it, and
 * ends where the tokens after it leave its text unchanged.
 */
import { elementAt } from '../element-at.ts'

/** Ids that are decoded at once: some 25 ms of work. */
const PORTION_IDS = 2048
/** Ids on which the text of the next one may depend. A character in UTF-8 has at most four. */
const CONTEXT_IDS = 16
/** Ids that may change the text before them. */
const LOOKAHEAD_IDS = 8

export interface IdWindow {
  readonly ids: Int32Array
  /** The first id whose text is wanted; those before it are context. */
  readonly from: number
  /** Whether no ids follow. Otherwise the last LOOKAHEAD_IDS are only looked at. */
  readonly isLast: boolean
}

export interface WindowText {
  readonly text: string
  /** Ids that the text covers; 0 where later ids change the text at every end, so the window must be larger. */
  readonly taken: number
}

interface Decoder {
  detokenize(ids: readonly number[]): string
  /** How the vocabulary spells each token. */
  spellingsOf(ids: readonly number[]): readonly string[]
}

/** A token for one byte. Decoders make text of a run of them only if all of it is valid UTF-8, however long it is. */
const BYTE = /^<0x[0-9A-F]{2}>$/i

/** The text of a window, in the tokenizer thread. */
export function textOfWindow(decoder: Decoder, { ids, from, isLast }: IdWindow): WindowText {
  const part = (start: number, end: number): string => (start === end ? '' : decoder.detokenize([...ids.subarray(start, end)]))
  const end = isLast ? ids.length : stableEnd(ids, part, (id) => BYTE.test(decoder.spellingsOf([id])[0] ?? ''))
  if (end <= from) return { text: '', taken: 0 }
  return { text: part(0, end).slice(part(0, from).length), taken: end - from }
}

function stableEnd(ids: Int32Array, part: (start: number, end: number) => string, isByte: (id: number) => boolean): number {
  const latest = ids.length - LOOKAHEAD_IDS
  for (let end = latest; end > Math.max(0, latest - CONTEXT_IDS); end--) {
    if (isByte(elementAt(ids, end - 1)) && isByte(elementAt(ids, end))) continue
    const start = Math.max(0, end - CONTEXT_IDS)
    if (part(start, ids.length).startsWith(part(start, end))) return end
  }
  return 0
}

/** The text of all ids; `ask` returns that of a window. */
export async function textInPortions(ids: Int32Array, ask: (window: IdWindow) => Promise<WindowText>, portionIds = PORTION_IDS): Promise<string> {
  let text = ''
  let portion = portionIds
  for (let done = 0; done < ids.length; ) {
    const start = Math.max(0, done - CONTEXT_IDS)
    const end = Math.min(ids.length, done + portion + LOOKAHEAD_IDS)
    const window = await ask({ ids: ids.slice(start, end), from: done - start, isLast: end === ids.length })
    text += window.text
    done += window.taken
    portion = window.taken === 0 ? 2 * portion : portionIds
  }
  return text
}
