import { compareScores } from '../compare-scores.ts'
import type { Material } from '../probe.ts'
import type { Scored, Session } from '../session.ts'
import type { TextMaker } from '../texts.ts'

/** Characters of a beginning that several texts share: more than one block of any prefix cache. */
const SHARED_CHARACTERS = 320
const TAIL_CHARACTERS = 120
const FAMILIES = 2
const TAILS = 3
/** Values that two texts may have in common by chance where their tokens or what precedes them differ. */
const MAX_EQUAL_RUN = 3

/**
 * `cold_equals_warm` and `stale_rows`: texts that share a beginning, each scored twice, with the others in between. The
 * first request finds nothing in a cache, the second one the beginning or the whole text.
 */
export async function checkRepeats(session: Session, material: Material, maker: TextMaker): Promise<void> {
  const { tolerance } = session.options
  const tails = Array.from({ length: TAILS }, () => maker.text(material.fit(TAIL_CHARACTERS)))
  const families: (Scored | null)[][] = []
  for (let family = 0; family < FAMILIES; family++) {
    const start = maker.text(material.fit(SHARED_CHARACTERS + TAIL_CHARACTERS) - material.fit(TAIL_CHARACTERS))
    const prompts: Scored['prompt'][] = []
    // Without a request that scores it: the first one must be cold.
    for (const tail of tails) prompts.push(`${start} ${tail}`)
    const cold: (Scored | null)[] = []
    for (const prompt of prompts) cold.push(await session.scoreOne(prompt))
    for (const [i, prompt] of prompts.entries()) {
      const warm = await session.scoreOne(prompt)
      const first = cold[i] ?? null
      const names = ['the first time', 'the second time'] as const
      session.compare('cold_equals_warm', first, warm, () => compareScores(first?.positions ?? [], warm?.positions ?? [], { tolerance, names }))
    }
    families.push(cold)
    const [one = null, ...others] = cold
    for (const other of others) compareShared(session, one, other)
  }
  // The same tails behind other beginnings.
  const [one = [], other = []] = families
  for (const [i, scored] of one.entries()) compareTails(session, scored, other[i] ?? null)
  if (!material.takesIds) session.tally('stale_rows').note('only with texts: the server refuses token ids')
}

/** Texts with the same beginning: its values are equal, those of the tails are not. */
function compareShared(session: Session, first: Scored | null, second: Scored | null): void {
  const { tolerance } = session.options
  session.compare('stale_rows', first, second, () => {
    const [a, b] = [first?.positions ?? [], second?.positions ?? []]
    const isOther = a.findIndex(({ token, id }, i) => token !== b[i]?.token || id !== b[i]?.id)
    const shared = isOther === -1 ? Math.min(a.length, b.length) : isOther
    const difference = compareScores(a.slice(0, shared), b.slice(0, shared), { tolerance, names: ['in one text', 'in another text with the same beginning'] })
    const run = equalRun(a.slice(shared), b.slice(shared))
    const stale =
      run.length > MAX_EQUAL_RUN ? `from position ${shared + run.start} on, ${run.length} values of two texts are equal although their tokens differ` : null
    return { ...difference, fault: difference.fault ?? stale }
  })
}

function compareTails(session: Session, first: Scored | null, second: Scored | null): void {
  session.compare('stale_rows', first, second, () => {
    const [a, b] = [(first?.positions ?? []).toReversed(), (second?.positions ?? []).toReversed()]
    const run = equalRun(a, b)
    const fault = run.length > MAX_EQUAL_RUN ? `${run.length} values in a row are equal in two texts with different beginnings` : null
    return { compared: Math.min(a.length, b.length), largest: 0, fault }
  })
}

/** The longest run of exactly equal values; 0 is none, because a certain token can have it in any text. */
function equalRun(a: Scored['positions'], b: Scored['positions']): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 }
  let length = 0
  for (const [i, { logProb }] of a.entries()) {
    length = logProb !== null && logProb !== 0 && logProb === b[i]?.logProb ? length + 1 : 0
    if (length > best.length) best = { start: i + 1 - length, length }
  }
  return best
}
