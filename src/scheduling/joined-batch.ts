import type { Batch } from '../engine/engine.ts'
import type { Layout } from './planned-job.ts'
import type { QueuedWork } from './queued-work.ts'

/** One batch of several; an exact one is never joined with others, so its probe is the only one. */
export function joinedBatch(planned: readonly QueuedWork[], layout: Layout): Batch {
  const [only] = planned
  if (planned.length === 1 && only !== undefined) return layout === 'plain' ? only.batch : { ...only.batch, layout }
  const tops = planned.flatMap(({ batch }) => batch.topCount ?? [])
  const batch = { sequences: planned.flatMap(({ batch: { sequences } }) => sequences), topCount: tops.length === 0 ? null : Math.max(...tops) }
  return layout === 'plain' ? batch : { ...batch, layout }
}
