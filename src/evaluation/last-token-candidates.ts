import { elementAt } from '../element-at.ts'
import type { RowDetail, RowScores } from '../engine/engine.ts'
import type { ScoringJob } from '../scheduling/job.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from './sequence-integrity.ts'

/** Where the numbers of one wanted job are: `job` computes them, and `row` is the one of its last token. */
export interface LastTokenRow {
  readonly job: ScoringJob
  readonly row: number
}

interface Group {
  readonly first: ScoringJob
  /** Each last token once, in the order in which they come. */
  readonly lastIds: Map<number, number>
  job: ScoringJob | null
}

/**
 * Jobs that compute each sequence once: those of `wanted` that are equal, or differ in their last token alone, become
 * one. The last token of a sequence is scored and never fed, so it changes nothing that is computed for the others.
 * One entry a wanted job, in order.
 */
export function groupByLastToken(wanted: readonly ScoringJob[]): LastTokenRow[] {
  const groups = new Map<string, Group>()
  const places = wanted.map((job) => {
    const key = keyOf(job)
    const group = groups.get(key) ?? { first: job, lastIds: new Map<number, number>(), job: null }
    groups.set(key, group)
    const lastId = elementAt(job.sequence.ids, job.sequence.ids.length - 1)
    const place = group.lastIds.get(lastId) ?? group.lastIds.size
    group.lastIds.set(lastId, place)
    return { group, place }
  })
  for (const group of groups.values()) group.job = jobOf(group)
  return places.map(({ group, place }) => {
    const { ids, firstScored } = group.first.sequence
    return { job: group.job ?? group.first, row: ids.length - 1 - firstScored + place }
  })
}

/** The jobs behind the rows, each once. */
export function groupedJobs(shared: readonly LastTokenRow[]): ScoringJob[] {
  return [...new Set(shared.map(({ job }) => job))]
}

/**
 * The numbers of one wanted sequence out of those of the job that computed it. Throws `scores_mismatched` when they
 * belong to other tokens; each picked row keeps the checksum that the engine gave it.
 */
export function rowsOfSequence({ job, row }: LastTokenRow, rows: RowScores): RowScores {
  const own = job.sequence
  if (own.lastTokenCandidates === undefined) return rows
  assertSequenceIntegrity(sequenceIntegrityOf(own, rows))
  const before = own.ids.length - 1 - own.firstScored
  /** (rows, width): those before the last token, then that of this sequence's own. */
  const pick = <T extends Float32Array | Int32Array>(values: T, width = 1): T => {
    const picked = values.slice(0, (before + 1) * width) as T
    picked.set(values.subarray(row * width, (row + 1) * width), before * width)
    return picked
  }
  return {
    logProbs: pick(rows.logProbs),
    logSumExps: pick(rows.logSumExps),
    bestIds: pick(rows.bestIds),
    bestLogProbs: pick(rows.bestLogProbs),
    detail: rows.detail === null ? null : pickDetail(rows.detail),
    checksums: pick(rows.checksums),
    ...(rows.work === undefined ? {} : { work: rows.work })
  }

  function pickDetail({ ranks, entropies, probSquareSums, topCount, topIds, topLogProbs }: RowDetail): RowDetail {
    return {
      ranks: pick(ranks),
      entropies: pick(entropies),
      probSquareSums: pick(probSquareSums),
      topCount,
      topIds: pick(topIds, topCount),
      topLogProbs: pick(topLogProbs, topCount)
    }
  }
}

/** Equal for jobs that one sequence can answer. Labels in place of the tokens are never shared. */
function keyOf({ sequence: { ids, firstScored, targets }, topCount }: ScoringJob): string {
  const fed = ids.subarray(0, -1)
  const bytes = Buffer.from(fed.buffer, fed.byteOffset, fed.byteLength).toString('latin1')
  const labels = targets === undefined ? '' : [...targets, ids.at(-1)].join()
  return `${firstScored} ${topCount} ${labels} ${bytes}`
}

function jobOf({ first, lastIds }: Group): ScoringJob {
  const lastTokenCandidates = [...lastIds.keys()].slice(1)
  if (lastTokenCandidates.length === 0) return first
  return { ...first, sequence: { ...first.sequence, lastTokenCandidates: Int32Array.from(lastTokenCandidates) } }
}
