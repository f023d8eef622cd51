import type { ModelCost } from '../models/bench-model.ts'
import { deadlineAfter } from '../support/budget.ts'
import type { Gemm } from '../support/gemm.ts'
import { usefulWork } from '../support/useful-flops.ts'
import { fedTokens, type Item, type Slice } from '../workloads/item.ts'
import type { Contestant } from './contestant.ts'

/** A contestant's results of all rounds; null for rounds that it did not run. */
export interface Standing {
  readonly contestant: Contestant
  /** Per whole slice; scaled by tokens when only a part was scored. */
  readonly seconds: (number | null)[]
  /** Largest difference from the first contestant, nats per token of the continuation. */
  worstDifference: number
}

export interface Tournament {
  readonly standings: readonly Standing[]
  readonly rounds: readonly Round[]
}

/** The work of one round, and the speed of the machine at that time. */
export interface Round {
  readonly fedTokens: number
  readonly usefulTokens: number
  readonly gigaflops: number
  /** GFLOP/s of bare matrix products, of the peak shape and of the model's shapes. */
  readonly gemm: { readonly peak: number; readonly ownShapes: number }
}

const LEAST_ROUNDS = 2

/**
 * Contestants take turns slice by slice and in going first, until the slices or the time run out, but for at least two
 * rounds. `dropped` decides after the first round who need not continue.
 */
export async function runTournament(
  contestants: readonly Contestant[],
  slices: readonly Slice[],
  settings: { readonly cost: ModelCost; readonly gemm: Gemm; readonly seconds: number; readonly warmUp: readonly Item[] },
  dropped: (standings: readonly Standing[]) => readonly Contestant[] = () => []
): Promise<Tournament> {
  const standings = contestants.map((contestant): Standing => ({ contestant, seconds: [], worstDifference: 0 }))
  for (const { contestant } of standings) await contestant.score(settings.warmUp)
  await settings.gemm.measure()
  const rounds: Round[] = []
  const gone = new Set<Contestant>()
  const deadline = deadlineAfter(settings.seconds)
  for (const [index, slice] of slices.entries()) {
    if (index >= LEAST_ROUNDS && deadline.isOver()) break
    const gemm = await playRound(standings, slice, index, { gone, gemm: settings.gemm })
    const { tokens, flops } = usefulWork(slice.items, settings.cost)
    rounds.push({ fedTokens: fedTokens(slice.items), usefulTokens: tokens, gigaflops: flops / 1e9, gemm })
    if (index === 0) for (const contestant of dropped(standings)) gone.add(contestant)
    process.stderr.write(`round ${index + 1} of ${slices.length}: ${standings.map(({ seconds }) => seconds.at(-1)?.toFixed(2) ?? '-').join(', ')} s\n`)
  }
  return { standings, rounds }
}

/** Mean rate of matrix products right before and after the first contestant's turn. */
async function playRound(
  standings: readonly Standing[],
  slice: Slice,
  index: number,
  { gone, gemm }: { readonly gone: ReadonlySet<Contestant>; readonly gemm: Gemm }
): Promise<Round['gemm']> {
  const rates: Round['gemm'][] = []
  const sumsOf = new Map<Standing, readonly number[]>()
  const shift = index % standings.length
  for (const standing of [...standings.slice(shift), ...standings.slice(0, shift)]) {
    const { contestant } = standing
    if (gone.has(contestant)) {
      standing.seconds[index] = null
      continue
    }
    const items = contestant.isSlow ? slice.part : slice.items
    const isFirst = standing === standings[0]
    if (isFirst) rates.push(await gemm.measure())
    const { seconds, sums } = await contestant.score(items)
    if (isFirst) rates.push(await gemm.measure())
    standing.seconds[index] = (seconds * fedTokens(slice.items)) / fedTokens(items)
    sumsOf.set(standing, sums)
  }
  const [first] = standings
  compareSums(sumsOf, (first && sumsOf.get(first)) ?? [], slice)
  const mean = (pick: (rate: Round['gemm']) => number): number => rates.reduce((sum, rate) => sum + pick(rate), 0) / rates.length
  return { peak: mean(({ peak }) => peak), ownShapes: mean(({ ownShapes }) => ownShapes) }
}

/** Records the difference of each contestant's scores from the first one's. */
function compareSums(sumsOf: ReadonlyMap<Standing, readonly number[]>, reference: readonly number[], slice: Slice): void {
  for (const [standing, sums] of sumsOf) {
    sums.forEach((sum, i) => {
      // The part is the start of the slice.
      const difference = Math.abs(sum - (reference[i] ?? Number.NaN)) / (slice.items[i]?.continuation.length ?? 1)
      // Keeps a NaN, so that it is visible.
      standing.worstDifference = Math.max(standing.worstDifference, difference)
    })
  }
}

/** Seconds of each contestant in the rounds that all of them completed. */
export function commonSeconds(...standings: readonly Standing[]): number[][] {
  const rounds = standings[0]?.seconds.map((_, i) => i).filter((i) => standings.every(({ seconds }) => seconds[i] !== null)) ?? []
  return standings.map(({ seconds }) => rounds.map((i) => seconds[i] ?? Number.NaN))
}
