import fc from 'fast-check'
import type { Sharing } from '../../src/engine/engine-info.ts'
import type { BatchLimits, PlannedJob, Planning } from '../../src/scheduling/batch-planner.ts'

/** A job of consecutive ids from `start`. Jobs with different starts share no prefix. */
export function jobLike(tokenCount: number, start = 0): PlannedJob {
  return { tokenCount, runsAlone: false, fed: Int32Array.from({ length: tokenCount }, (_, i) => start + i) }
}

/** A job of these ids. */
function jobOfIds(...ids: readonly number[]): PlannedJob {
  return { tokenCount: ids.length, runsAlone: false, fed: Int32Array.from(ids) }
}

export interface PlanningParts {
  readonly packs?: boolean
  readonly caches?: boolean
  readonly longestRow?: number
  readonly attentionHeads?: number
  readonly maxAttentionBytes?: number
  readonly limits?: Partial<BatchLimits>
}

export function planningWith({ packs = false, caches = false, longestRow = 1000, attentionHeads = 0, maxAttentionBytes, limits }: PlanningParts): Planning {
  const ability = (isOn: boolean): Sharing['packing'] => ({ isOn, reason: null })
  return {
    limits: { maxBatchTokens: 1000, longTextTokens: 50, ...(maxAttentionBytes === undefined ? {} : { maxAttentionBytes }), ...limits },
    sharing: { packing: ability(packs), prefixCache: ability(caches), longestRow, attentionHeads }
  }
}

/** Only a few distinct ids, so that sequences share prefixes. */
const job = fc
  .record({ ids: fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }), tail: fc.integer({ min: 0, max: 150 }), runsAlone: fc.boolean() })
  .map(({ ids, tail, runsAlone }): PlannedJob => ({ ...jobOfIds(...ids, ...new Array<number>(tail).fill(7)), runsAlone: runsAlone && tail % 5 === 0 }))

export const queues = fc.array(job, { minLength: 1, maxLength: 40 })

export const plannings = fc
  .record({
    packs: fc.boolean(),
    caches: fc.boolean(),
    isKnown: fc.boolean(),
    longestRow: fc.integer({ min: 20, max: 1000 }),
    attentionHeads: fc.nat(4),
    maxAttentionBytes: fc.integer({ min: 1000, max: 1_000_000 }),
    limits: fc.record({ maxBatchTokens: fc.integer({ min: 1, max: 1000 }), longTextTokens: fc.integer({ min: 1, max: 150 }) })
  })
  .map(({ isKnown, ...parts }): Planning => {
    const planning = planningWith(parts)
    return isKnown ? planning : { ...planning, sharing: null }
  })
