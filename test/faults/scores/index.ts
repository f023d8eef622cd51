import type { Batch, BatchScores, RowScores } from '../../../src/engine/engine.ts'
import { plainPass } from '../../../src/engine/process/pass.ts'
import { checksumsOf } from '../../../src/engine/process/row-scores.ts'
import type { Fault } from '../fault.ts'
import { float16Bits } from '../weights/float16.ts'

type Change = (scores: BatchScores, batch: Batch) => BatchScores

/** Changes the scores of every batch. */
function changing(change: Change): Pick<Fault, 'scorer'> {
  return { scorer: (scorer) => ({ score: async (batch) => change(await scorer.score(batch), batch) }) }
}

/** Changes the scores of every sequence. */
function changingRows(change: (rows: RowScores, batch: Batch, index: number) => RowScores): Pick<Fault, 'scorer'> {
  return changing((scores, batch) => ({ ...scores, rows: scores.rows.map((rows, index) => change(rows, batch, index)) }))
}

function withLogProb(rows: RowScores, at: number, value: (old: number) => number): RowScores {
  const logProbs = rows.logProbs.slice()
  if (at < logProbs.length) logProbs[at] = value(logProbs[at]!)
  return { ...rows, logProbs }
}

/** Scores that were corrupted after the model computed them, or belong to something else. */
export const SCORE_FAULTS: readonly Fault[] = [
  {
    name: 'one row 0.5 too high',
    kind: 'scores',
    description: '0.5 nats are added to one log-probability of every sequence, after the softmax',
    ...changingRows((rows) => withLogProb(rows, rows.logProbs.length - 1, (old) => old + 0.5))
  },
  {
    name: 'NaN in the result',
    kind: 'scores',
    description: 'the last log-probability of every sequence is NaN',
    ...changingRows((rows) => withLogProb(rows, rows.logProbs.length - 1, () => Number.NaN))
  },
  {
    name: 'last token dropped',
    kind: 'scores',
    description: 'every sequence is returned with one log-probability too few',
    ...changingRows((rows) => ({ ...rows, logProbs: rows.logProbs.slice(0, -1) }))
  },
  {
    name: 'results of a batch swapped',
    kind: 'scores',
    description: 'sequences of a batch get the results of other sequences in the batch',
    ...changing((scores) => ({ ...scores, rows: [...scores.rows.slice(1), ...scores.rows.slice(0, 1)] }))
  },
  {
    name: 'rows of a pass swapped',
    kind: 'scores',
    description: 'the engine cuts the rows of a pass out at the places of the neighbouring sequence, and answers in the name of the one that was asked for',
    ...changing((scores, { sequences }) => {
      const pass = plainPass(sequences)
      const next = (index: number): number => (index + 1) % sequences.length
      return {
        ...scores,
        rows: scores.rows.map((_, index) => ({ ...scores.rows[next(index)]!, checksums: checksumsOf(pass, pass.wanted.ofSequence[next(index)]!) }))
      }
    })
  },
  {
    name: 'stale result',
    kind: 'scores',
    description: 'a sequence gets the result of an earlier one of the same length',
    scorer(scorer) {
      const stale = new Map<number, RowScores>()
      return {
        async score(batch) {
          const scores = await scorer.score(batch)
          const rows = scores.rows.map((fresh) => stale.get(fresh.logProbs.length) ?? fresh)
          for (const fresh of scores.rows) stale.set(fresh.logProbs.length, fresh)
          return { ...scores, rows }
        }
      }
    }
  },
  {
    name: 'stale log-probabilities',
    kind: 'scores',
    description: 'a sequence keeps its checksum but gets the log-probabilities of an earlier one of the same length',
    scorer(scorer) {
      const stale = new Map<number, RowScores>()
      return {
        async score(batch) {
          const scores = await scorer.score(batch)
          const rows = scores.rows.map((fresh) => ({ ...fresh, logProbs: stale.get(fresh.logProbs.length)?.logProbs ?? fresh.logProbs }))
          for (const fresh of scores.rows) stale.set(fresh.logProbs.length, fresh)
          return { ...scores, rows }
        }
      }
    }
  },
  {
    name: 'float16 read as integers',
    kind: 'scores',
    description: 'the bits of float16 log-probabilities are read as integers',
    ...changingRows((rows) => ({ ...rows, logProbs: Float32Array.from(rows.logProbs, float16Bits) }))
  },
  {
    name: 'logits instead of log-probabilities',
    kind: 'scores',
    description: 'logits are returned instead of log-probabilities: the log-sum-exp was not subtracted',
    ...changingRows((rows) => ({
      ...rows,
      logProbs: rows.logProbs.map((value, i) => value + rows.logSumExps[i]!),
      bestLogProbs: rows.bestLogProbs.map((value, i) => value + rows.logSumExps[i]!)
    }))
  },
  {
    name: 'not normalised',
    kind: 'scores',
    description: 'every probability of a row is 5 % too large: normalised over only part of the vocabulary',
    ...changing((scores) => ({
      ...scores,
      rows: scores.rows.map((rows) => ({
        ...rows,
        logProbs: rows.logProbs.map((value) => value + Math.log(1.05)),
        bestLogProbs: rows.bestLogProbs.map((value) => value + Math.log(1.05))
      })),
      probes: scores.probes.map((probe) => ({ ...probe, graphMass: probe.graphMass * 1.05 }))
    }))
  },
  {
    name: 'temperature after the softmax',
    kind: 'scores',
    description: 'log-probabilities are halved and not renormalised',
    ...changingRows((rows) => ({ ...rows, logProbs: rows.logProbs.map((value) => value / 2), bestLogProbs: rows.bestLogProbs.map((value) => value / 2) }))
  },
  {
    name: 'arg-max of the next row',
    kind: 'scores',
    description: 'the most probable tokens belong to the next row',
    ...changingRows((rows) => ({
      ...rows,
      bestIds: rows.bestIds.map((_, i) => rows.bestIds[i + 1] ?? 0),
      bestLogProbs: rows.bestLogProbs.map((_, i) => rows.bestLogProbs[i + 1] ?? -9)
    }))
  },
  {
    name: 'results vary between passes',
    kind: 'scores',
    description: 'every second pass is off by 0.01 nats per token: a race in a kernel',
    scorer(scorer) {
      let runs = 0
      return {
        async score(batch) {
          const scores = await scorer.score(batch)
          const off = runs++ % 2 === 0 ? 0 : -0.01
          return { ...scores, rows: scores.rows.map((rows) => ({ ...rows, logProbs: rows.logProbs.map((value) => value + off) })) }
        }
      }
    }
  },
  {
    name: 'float16 log-probabilities',
    kind: 'scores',
    description: 'log-probabilities pass through half precision',
    ...changingRows((rows) => ({ ...rows, logProbs: rows.logProbs.map(toFloat16) }))
  },
  {
    name: 'prefix token dropped',
    kind: 'scores',
    description: 'the engine scores every sequence without its first token',
    scorer: (scorer) => ({
      score: (batch) =>
        scorer.score({
          ...batch,
          sequences: batch.sequences.map(({ ids, firstScored }) =>
            ids.length > 2 ? { ids: ids.slice(1), firstScored: Math.max(1, firstScored - 1) } : { ids, firstScored }
          )
        })
    })
  },
  {
    name: 'x ignored',
    kind: 'scores',
    description: 'y is scored directly after the prefix token, as if there were no x',
    scorer: (scorer) => ({
      async score(batch) {
        const scores = await scorer.score(batch)
        const rows = await Promise.all(
          batch.sequences.map(async ({ ids, firstScored }, index) => {
            const own = scores.rows[index]!
            const xEnd = X_END_BY_LENGTH.get(ids.length) ?? 0
            if (xEnd <= firstScored) return own
            const alone = await scorer.score({ sequences: [{ ids: Int32Array.from([ids[0]!, ...ids.slice(xEnd)]), firstScored: 1 }], topCount: null })
            const logProbs = own.logProbs.slice()
            logProbs.set(alone.rows[0]!.logProbs, xEnd - firstScored)
            return { ...own, logProbs, bestLogProbs: logProbs.map((value, i) => Math.max(value, own.bestLogProbs[i]!)) }
          })
        )
        return { ...scores, rows }
      }
    })
  }
]

/**
 * Start of y in a sequence of this length, with the prefix token. The engine does not know it; one request of the trial
 * has it.
 */
export const X_END_BY_LENGTH: ReadonlyMap<number, number> = new Map([[41, 21]])

/** Rounds to float16; correct in the range of log-probabilities. */
function toFloat16(value: number): number {
  const scale = 2 ** (10 - Math.floor(Math.log2(Math.abs(value) || 1)))
  return Math.round(value * scale) / scale
}
