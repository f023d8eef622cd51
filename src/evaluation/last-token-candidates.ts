import { elementAt, entryOf } from '../element-at.ts'
import type { RowDetail, RowScores } from '../engine/engine.ts'
import { mapInSlices } from '../event-loop.ts'
import type { ScoringJob } from '../scheduling/job.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from './sequence-integrity.ts'

/** Where the scores of a wanted job are: `job` computes them, and `row` is the one of its last token. */
export interface LastTokenRow {
  readonly job: ScoringJob
  readonly row: number
}

interface Group {
  readonly first: ScoringJob
  /** Each distinct last token and its index, in the order in which they first appear. */
  readonly lastIds: Map<number, number>
}

/**
 * Merges jobs that are equal or differ in their last token alone, so that each sequence is computed once. The last
 * token of a sequence is scored but never fed, so it changes nothing for the others. Returns one entry per wanted job.
 */
export async function groupByLastToken(wanted: readonly ScoringJob[]): Promise<ReadonlyMap<ScoringJob, LastTokenRow>> {
  const groups = new Map<string, Group>()
  const members = await mapInSlices(wanted, (job) => {
    const key = keyOf(job)
    const group = groups.get(key) ?? { first: job, lastIds: new Map<number, number>() }
    groups.set(key, group)
    const lastId = elementAt(job.sequence.ids, job.sequence.ids.length - 1)
    const candidate = group.lastIds.get(lastId) ?? group.lastIds.size
    group.lastIds.set(lastId, candidate)
    return { job, group, candidate }
  })
  const mergedJobs = new Map([...groups.values()].map((group) => [group, mergedJob(group)]))
  return new Map(
    members.map(({ job, group, candidate }) => {
      const { ids, firstScored } = group.first.sequence
      return [job, { job: entryOf(mergedJobs, group), row: ids.length - 1 - firstScored + candidate }]
    })
  )
}

/** The merged jobs, each once. */
export function groupedJobs(grouped: ReadonlyMap<ScoringJob, LastTokenRow>): ScoringJob[] {
  return [...new Set(Array.from(grouped.values(), ({ job }) => job))]
}

/**
 * Extracts the scores of one wanted sequence from those of its merged job. Throws `scores_mismatched` when they belong
 * to other tokens. Each extracted row keeps the checksum that the engine computed.
 */
export function rowsOfSequence({ job: { sequence }, row }: LastTokenRow, rows: RowScores): RowScores {
  if (sequence.lastTokenCandidates === undefined) return rows
  assertSequenceIntegrity(sequenceIntegrityOf(sequence, rows))
  const before = sequence.ids.length - 1 - sequence.firstScored
  /** (rows, width): the rows before the last token, then the row of this sequence's last token. */
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

  function pickDetail({ ranks, entropies, probSquareSums, variances, wordStarts, topCount, topIds, topLogProbs }: RowDetail): RowDetail {
    return {
      ranks: pick(ranks),
      entropies: pick(entropies),
      probSquareSums: pick(probSquareSums),
      ...(variances === undefined ? {} : { variances: pick(variances) }),
      ...(wordStarts === undefined ? {} : { wordStarts: pick(wordStarts) }),
      topCount,
      topIds: pick(topIds, topCount),
      topLogProbs: pick(topLogProbs, topCount)
    }
  }
}

/** Equal for jobs that one sequence can answer. A job with explicit targets is merged only with an equal one. */
function keyOf({ sequence: { ids, firstScored, targets }, topCount, measures = [] }: ScoringJob): string {
  const fed = ids.subarray(0, -1)
  const bytes = Buffer.from(fed.buffer, fed.byteOffset, fed.byteLength).toString('latin1')
  const labels = targets === undefined ? '' : [...targets, ids.at(-1)].join()
  return `${firstScored} ${topCount} ${measures.toSorted().join()} ${labels} ${bytes}`
}

function mergedJob({ first, lastIds }: Group): ScoringJob {
  const lastTokenCandidates = [...lastIds.keys()].slice(1)
  if (lastTokenCandidates.length === 0) return first
  return { ...first, sequence: { ...first.sequence, lastTokenCandidates: Int32Array.from(lastTokenCandidates) } }
}
