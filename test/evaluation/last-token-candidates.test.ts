import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { groupByLastToken, groupedJobs, rowsOfSequence } from '../../src/evaluation/last-token-candidates.ts'
import { assertSequenceIntegrity, sequenceIntegrityOf } from '../../src/evaluation/sequence-integrity.ts'
import type { ScoringJob } from '../../src/scheduling/job.ts'
import { fakeScores } from '../support/fake-engine.ts'

const jobOf = (ids: readonly number[], firstScored = 1, topCount: number | null = null): ScoringJob => ({
  sequence: { ids: Int32Array.from(ids), firstScored },
  topCount
})
const idsOf = (jobs: readonly ScoringJob[]): number[][] => jobs.map(({ sequence }) => [...sequence.ids])

describe('groupByLastToken and rowsOfSequence', () => {
  test('merges sequences that differ in their last token alone', async () => {
    const jobs = groupedJobs(await groupByLastToken([jobOf([1, 2, 3]), jobOf([1, 2, 4]), jobOf([1, 5, 3]), jobOf([1, 2, 5])]))
    assert.deepEqual(idsOf(jobs), [
      [1, 2, 3],
      [1, 5, 3]
    ])
    assert.deepEqual(
      jobs.map(({ sequence }) => sequence.lastTokenCandidates),
      [Int32Array.of(4, 5), undefined]
    )
  })

  test('returns a job unchanged when no other can be merged with it', async () => {
    const wanted = [jobOf([1, 2]), jobOf([1, 2, 3])]
    assert.deepEqual(groupedJobs(await groupByLastToken(wanted)), wanted)
  })

  test('scores each last token once', async () => {
    const [job] = groupedJobs(await groupByLastToken([jobOf([1, 2]), jobOf([1, 3]), jobOf([1, 3]), jobOf([1, 2])]))
    assert.deepEqual(job?.sequence.lastTokenCandidates, Int32Array.of(3))
  })

  test('does not merge jobs with another first scored token, another top count, or explicit targets', async () => {
    const labelled = { ...jobOf([1, 2, 3]), sequence: { ...jobOf([1, 2, 3]).sequence, targets: Int32Array.of(7, 8) } }
    assert.equal(groupedJobs(await groupByLastToken([jobOf([1, 2, 3]), jobOf([1, 2, 4], 2), jobOf([1, 2, 4], 1, 5), labelled])).length, 4)
  })

  test('returns the rows that each sequence has by itself, checksums included', async () => {
    const wanted = [jobOf([1, 2, 3, 4]), jobOf([1, 2, 3, 9]), jobOf([1, 2, 3, 7]), jobOf([1, 2, 3, 9])]
    const grouped = await groupByLastToken(wanted)
    wanted.forEach((job) => {
      const { sequence } = job
      const place = grouped.get(job)
      assert.ok(place)
      const own = rowsOfSequence(place, fakeScores(place.job.sequence))
      assert.deepEqual(own, fakeScores(sequence))
    })
  })

  test('extracts the top tokens of each sequence', async () => {
    const wanted = [jobOf([1, 2], 1, 2), jobOf([1, 3], 1, 2)]
    const [, second] = [...(await groupByLastToken(wanted)).values()]
    assert.ok(second)
    const rows = {
      ...fakeScores(second.job.sequence),
      detail: {
        ranks: Int32Array.of(4, 1),
        entropies: Float32Array.of(0.5, 0.25),
        probSquareSums: Float32Array.of(0.125, 0.75),
        topCount: 2,
        topIds: Int32Array.of(10, 11, 20, 21),
        topLogProbs: Float32Array.of(-1, -2, -3, -4)
      }
    }
    assert.deepEqual(rowsOfSequence(second, rows).detail, {
      ranks: Int32Array.of(1),
      entropies: Float32Array.of(0.25),
      probSquareSums: Float32Array.of(0.75),
      topCount: 2,
      topIds: Int32Array.of(20, 21),
      topLogProbs: Float32Array.of(-3, -4)
    })
  })

  test('keeps the checksums of the engine, so that rows of another sequence are noticed after the merge', async () => {
    const wanted = [jobOf([1, 2]), jobOf([1, 3])]
    const [, second] = [...(await groupByLastToken(wanted)).values()]
    assert.ok(second)
    const { sequence } = second.job
    const checksums = Int32Array.of(17, 19)
    const swapped = { ...second, job: { ...second.job, sequence: { ids: sequence.ids, firstScored: 1 } } }
    // Without candidates the rows are returned unchanged.
    assert.deepEqual(rowsOfSequence(swapped, { ...fakeScores(sequence), checksums }).checksums, checksums)
    const own = rowsOfSequence(second, fakeScores(sequence))
    assert.deepEqual(
      sequenceIntegrityOf(jobOf([1, 3]).sequence, own).scoredChecksum,
      sequenceIntegrityOf(jobOf([1, 3]).sequence, fakeScores(jobOf([1, 3]).sequence)).sentChecksum
    )
    assert.throws(() => assertSequenceIntegrity(sequenceIntegrityOf(jobOf([1, 2]).sequence, own)), { code: 'scores_mismatched' })
  })

  test('rejects scores of other tokens', async () => {
    const wanted = [jobOf([1, 2]), jobOf([1, 3])]
    const [first] = [...(await groupByLastToken(wanted)).values()]
    assert.ok(first)
    const otherLast = fakeScores({ ...first.job.sequence, lastTokenCandidates: Int32Array.of(4) })
    assert.throws(() => rowsOfSequence(first, otherLast), { code: 'scores_mismatched' })
    const missing = fakeScores(jobOf([1, 2]).sequence)
    assert.throws(() => rowsOfSequence(first, missing), { code: 'scores_mismatched' })
  })
})
