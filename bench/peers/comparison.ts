import { availableParallelism } from 'node:os'
import { startGemm } from '../support/gemm.ts'
import type { Findings } from '../support/result.ts'
import { type Comparison, comparisonFindings, HOPELESS } from './comparison-findings.ts'
import type { Contestant } from './contestant.ts'
import { startLogpr } from './logpr.ts'
import { HF, startPeers } from './peers.ts'
import { runTournament, type Standing } from './tournament.ts'

/** Compares logpr with its peers on the same slices, in turns. */
export async function compareWithPeers(comparison: Comparison): Promise<Findings> {
  const { model, slices } = comparison
  const threads = availableParallelism()
  const logpr = await startLogpr(model, threads)
  const { contestants, skipped } = await startPeers(model, threads)
  const gemm = await startGemm(threads, model.cost)
  const warmUp = slices[0]?.items.slice(0, 2).map(({ context, continuation }) => ({ context: [...context].reverse(), continuation })) ?? []
  try {
    const tournament = await runTournament([logpr, ...contestants], slices, { cost: model.cost, gemm, seconds: comparison.seconds, warmUp }, slowerHf)
    return comparisonFindings(comparison, threads, tournament, skipped)
  } finally {
    await Promise.all([logpr, ...contestants, gemm].map((each) => each.close()))
  }
}

/** Batch sizes of `hf` that cannot become the fastest, given the noise of the first round. */
function slowerHf(standings: readonly Standing[]): Contestant[] {
  const tried = standings.filter(({ contestant }) => contestant.name.startsWith(HF))
  const fastest = Math.min(...tried.map(({ seconds }) => seconds[0] ?? Number.NaN))
  return tried.filter(({ seconds }) => (seconds[0] ?? 0) > HOPELESS * fastest).map(({ contestant }) => contestant)
}
