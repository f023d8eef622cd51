import type { Evaluation, Sample } from './run-lm-eval.ts'

export interface Comparison {
  readonly samples: number
  /** Differences of whole continuations and texts, nats. */
  readonly maxDifference: number
  readonly greedyMismatches: number
  /** Documents with different acc or acc_norm. */
  readonly accuracyMismatches: number
  readonly documents: number
  /** Samples of the measured run that the reference lacks, or that have no score. */
  readonly unmatched: number
}

/** Compares a complete or partial run with the reference, sample by sample. */
export function compare(reference: Evaluation, measured: Evaluation): Comparison {
  const expected = new Map(reference.samples.map((sample) => [sample.key, sample]))
  const pairs = measured.samples.map((sample): readonly [Sample, Sample | undefined] => [sample, expected.get(sample.key)])
  const found = pairs.filter((pair): pair is readonly [Sample, Sample] => isSameQuestion(...pair) && Number.isFinite(pair[0].logProb))
  const metrics = new Map(reference.documents.map((document) => [document.key, document]))
  const { documents } = measured
  return {
    samples: found.length,
    maxDifference: Math.max(0, ...found.map(([one, other]) => Math.abs(one.logProb - other.logProb))),
    greedyMismatches: found.filter(([one, other]) => one.isGreedy !== other.isGreedy).length,
    accuracyMismatches: documents.filter(({ key, acc, accNorm }) => metrics.get(key)?.acc !== acc || metrics.get(key)?.accNorm !== accNorm).length,
    documents: documents.length,
    unmatched: pairs.length - found.length
  }
}

function isSameQuestion(one: Sample, other: Sample | undefined): boolean {
  return one.context === other?.context && one.continuation === other.continuation
}
