import { compareScores } from '../compare-scores.ts'
import type { Material } from '../probe.ts'
import type { CheckId } from '../result.ts'
import type { Scored, Session } from '../session.ts'
import type { TextMaker } from '../texts.ts'

/** Characters of the texts of a batch: different lengths, so that a server that pads has something to pad. */
const LENGTHS = [40, 520, 160, 300] as const
/** Requests of the concurrency check per place: enough that they overlap in different combinations. */
const ROUNDS = 3

/** `batch_invariance`, `order_invariance`, `concurrency_invariance` and `text_equals_ids` on four texts. */
export async function checkBatches(session: Session, material: Material, maker: TextMaker): Promise<void> {
  const texts = LENGTHS.map((characters) => maker.text(material.fit(characters)))
  const alone: Scored[] = []
  for (const text of texts) {
    const asText = await session.scoreOne(text)
    const ids = material.takesIds ? await material.idsOf(text) : null
    const asIds = ids === null ? null : await session.scoreOne(ids)
    if (asIds !== null && asText !== null) compareTextAndIds(session, asText, asIds)
    const scored = asIds ?? asText
    if (scored !== null) alone.push(scored)
  }
  if (alone.length < LENGTHS.length)
    for (const id of ['batch_invariance', 'concurrency_invariance'] as const) session.tally(id).note('a text got no log-probabilities')
  if (material.takesLists) await checkLists(session, alone)
  await checkConcurrency(session, alone)
}

function compareTextAndIds(session: Session, asText: Scored, asIds: Scored): void {
  const { tolerance } = session.options
  const added = asText.positions.length - asIds.positions.length
  if (added !== 0) {
    session.tally('text_equals_ids').note(`the server adds ${added} tokens to a text and does not name them`)
    return
  }
  compareAll(session, 'text_equals_ids', [asText], [asIds], ['as a text', 'as token ids'], tolerance)
}

async function checkLists(session: Session, alone: readonly Scored[]): Promise<void> {
  const { tolerance } = session.options
  const prompts = alone.map(({ prompt }) => prompt)
  const batch = await session.score(prompts, { refusals: session.tally('batch_invariance') })
  if (batch === null) return
  compareAll(session, 'batch_invariance', alone, batch, ['alone', 'in a request with others'], tolerance)
  const reversed = await session.score(prompts.toReversed(), { refusals: session.tally('order_invariance') })
  if (reversed === null) return
  compareAll(session, 'order_invariance', batch, reversed.toReversed(), ['in one order', 'in the opposite order'], tolerance)
}

async function checkConcurrency(session: Session, alone: readonly Scored[]): Promise<void> {
  const { tolerance, concurrency } = session.options
  const tally = session.tally('concurrency_invariance')
  if (concurrency < 2) {
    tally.note('--concurrency is 1: no two requests may be sent at the same time')
    return
  }
  if (alone.length === 0) return
  // The client holds back what exceeds the concurrency.
  const order = Array.from({ length: ROUNDS * concurrency }, (_, i) => alone[i % alone.length] as Scored)
  const together = await Promise.all(order.map(({ prompt }) => session.scoreOne(prompt)))
  compareAll(session, 'concurrency_invariance', order, together, ['alone', `with ${concurrency} requests at the same time`], tolerance)
}

function compareAll(
  session: Session,
  id: CheckId,
  first: readonly (Scored | null)[],
  second: readonly (Scored | null)[],
  names: readonly [string, string],
  tolerance: number
): void {
  for (const [i, a = null] of first.entries()) {
    const b = second[i] ?? null
    session.compare(id, a, b, () => {
      const fault = a?.positions.length === b?.positions.length ? null : `${a?.positions.length} positions ${names[0]}, ${b?.positions.length} ${names[1]}`
      const difference = compareScores(a?.positions ?? [], b?.positions ?? [], { tolerance, names })
      return { ...difference, fault: fault ?? difference.fault }
    })
  }
}
