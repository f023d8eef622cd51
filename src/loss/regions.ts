import { elementAt } from '../element-at.ts'
import type { Reason } from '../scoring/loss/labels.ts'

/**
 * A range of the text in bytes, and the label of its tokens. `lead` is white space that a chat template writes between
 * its generation prompt and a completion.
 */
export interface Region {
  readonly start: number
  readonly end: number
  readonly reason: 'completion' | 'prompt' | 'template' | 'lead'
}

/**
 * Labels each token by the regions that contain its bytes. `starts` has the first byte of each token and the length of
 * the text: (n + 1,). Regions are consecutive, without gaps.
 *
 * A token with bytes of a completion and of given text is a `straddle`, which is masked, as in axolotl. A `lead` does
 * not count as given text, because the model has to generate " Yes" after "Assistant:". A token of only a lead is
 * `template`.
 */
export function reasonsOf(starts: ArrayLike<number>, regions: readonly Region[]): Reason[] {
  const filled = regions.filter(({ start, end }) => end > start)
  const reasons: Reason[] = []
  let first = 0
  for (let token = 0; token + 1 < starts.length; token++) {
    const from = elementAt(starts, token)
    const to = Math.max(from + 1, elementAt(starts, token + 1))
    while (first + 1 < filled.length && elementAt(filled, first).end <= from) first++
    let last = first
    while (last + 1 < filled.length && elementAt(filled, last).end < to) last++
    reasons.push(reasonOf(new Set(filled.slice(first, last + 1).map(({ reason }) => reason))))
  }
  return reasons
}

function reasonOf(touched: ReadonlySet<Region['reason']>): Reason {
  const isGiven = touched.has('prompt') || touched.has('template')
  if (touched.has('completion')) return isGiven ? 'straddle' : 'completion'
  return touched.has('prompt') ? 'prompt' : 'template'
}

/** The trained text: the bytes of the completion regions. */
export function trainedBytes(text: Uint8Array, regions: readonly Region[]): Uint8Array {
  return Buffer.concat(regions.filter(({ reason }) => reason === 'completion').map(({ start, end }) => text.subarray(start, end)))
}

/** How many bytes of a token that begins at `start` belong to a lead. */
export function leadBytesAt(start: number, leads: readonly Region[]): number {
  const lead = leads.find((region) => region.start <= start && start < region.end)
  return lead === undefined ? 0 : lead.end - start
}
