import type { BenchModel } from '../models/bench-model.ts'
import type { Figure } from '../support/figure.ts'
import type { Aim, Cell, Findings } from '../support/result.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Slice } from '../workloads/item.ts'
import type { Skipped } from './contestant.ts'
import { HF } from './peers.ts'
import { commonSeconds, type Standing, type Tournament } from './tournament.ts'

export interface Comparison {
  /** A short name for the targets. */
  readonly subject: string
  readonly question: string
  readonly model: BenchModel
  readonly slices: readonly Slice[]
  /** No new round starts after this time. */
  readonly seconds: number
  readonly settings: Readonly<Record<string, string | number>>
  /** Required speed-ups by contestant (`lm-eval hf` is its best batch size), and required share of the GEMM peak. */
  readonly factors: Readonly<Record<string, number>>
  readonly shareOfPeak: number | null
  readonly notes: readonly string[]
}

/** Nats per token: rounding of float32 in another order of addition. A larger difference means another computation. */
const TOLERANCE = 1e-4
/** Multiple of the time of `hf`'s fastest batch size in the first round. */
export const HOPELESS = 1.15

/** The fastest contestant that completed all rounds. */
function bestOf(standings: readonly Standing[]): Standing | undefined {
  const finalists = standings.filter(({ seconds }) => !seconds.includes(null))
  const totals = finalists.map(({ seconds }) => seconds.reduce<number>((sum, value) => sum + (value ?? 0), 0))
  return finalists[totals.indexOf(Math.min(...totals))]
}

/** Tables, targets and figure of a comparison; the first standing is logpr's. */
export function comparisonFindings(
  { subject, question, model, slices, settings, factors, shareOfPeak, notes }: Comparison,
  threads: number,
  found: Tournament,
  skipped: readonly Skipped[]
): Findings {
  const { standings, rounds } = found
  const own = standings[0]!
  const bestHf = bestOf(standings.filter(({ contestant }) => contestant.name.startsWith(HF)))
  const factorOf = (standing: Standing): number => {
    const [theirs = [], ours = []] = commonSeconds(standing, own)
    return medianRatio(theirs, ours)
  }
  const row = (standing: Standing): Cell[] => {
    const measured = rounds.flatMap((round, i) => {
      const seconds = standing.seconds[i]
      return typeof seconds === 'number' ? [{ round, seconds }] : []
    })
    const rates = measured.map(({ round, seconds }) => round.gigaflops / seconds)
    return [
      standing.contestant.name,
      measured.length,
      median(measured.map(({ seconds }) => seconds)),
      median(measured.map(({ round, seconds }) => round.fedTokens / seconds)),
      factorOf(standing),
      median(rates),
      median(measured.map(({ round }, i) => (rates[i] ?? Number.NaN) / round.gemm.peak)),
      standing === own ? null : standing.worstDifference
    ]
  }
  const aims = Object.entries(factors).flatMap(([name, factor]): Aim[] => {
    const other = name === HF ? bestHf : standings.find(({ contestant }) => contestant.name === name)
    if (other === undefined) return []
    const measured = factorOf(other)
    return [{ aim: `${subject}: at least ${factor} times as fast as ${other.contestant.name}`, measured, isMet: measured >= factor }]
  })
  const share = row(own)[6] as number
  const shareAim =
    shareOfPeak === null ? [] : [{ aim: `${subject}: at least ${shareOfPeak} of the GEMM peak on useful work`, measured: share, isMet: share >= shareOfPeak }]
  const worst = Math.max(...standings.map(({ worstDifference }) => worstDifference))
  const sum = (pick: (round: Tournament['rounds'][number]) => number): number => rounds.reduce((total, round) => total + pick(round), 0)
  return {
    question,
    settings: { model: model.name, threads, ...settings, rounds: rounds.length, rounds_planned: slices.length },
    tables: [
      {
        title: `${model.name}; one round has ${Math.round(sum(({ fedTokens }) => fedTokens) / rounds.length)} tokens, of which ${Math.round(sum(({ usefulTokens }) => usefulTokens) / rounds.length)} are distinct`,
        columns: [
          'contestant',
          'rounds',
          'p50 s per round',
          'tokens/s',
          'time / logpr',
          'useful GFLOP/s',
          'share of GEMM peak',
          'max difference, nats per token'
        ],
        rows: [...standings.map(row), ...skipped.map(({ name }): Cell[] => [`${name}, skipped`, 0, ...new Array<null>(6).fill(null)])]
      },
      {
        title: 'Matrix products alone in the same run, float32, GFLOP/s',
        columns: ['512 x 2048 x 2048', "shapes of the model's layers"],
        rows: [[median(rounds.map(({ gemm }) => gemm.peak)), median(rounds.map(({ gemm }) => gemm.ownShapes))]]
      }
    ],
    aims: [
      ...aims,
      ...shareAim,
      { aim: `${subject}: every contestant's scores within ${TOLERANCE} nats per token of logpr's`, measured: worst, isMet: worst <= TOLERANCE }
    ],
    notes: [
      'Contestants run one after another in each round, and the order rotates. `time / logpr` is the median of the ratios of rounds. Tokens are those that a plain pass feeds. Useful work counts each distinct prefix once, plus the requested rows of the LM head.',
      `Batch sizes of hf that were more than ${Math.round(100 * (HOPELESS - 1))} % slower than its fastest in the first round were dropped. hf is compared by its fastest batch size.`,
      ...notes,
      ...skipped.map(({ name, reason }) => `${name} was skipped, so its target was not measured: ${oneLine(reason)}.`),
      `Versions: ${[...new Set(standings.map(({ contestant }) => contestant.versions))].join('; ')}.`
    ],
    figures: [figureOf(question, standings, factorOf)],
    samples: Object.fromEntries([
      ...standings.map(({ contestant, seconds }): [string, number[]] => [`${contestant.name}, s a round`, seconds.filter((value) => value !== null)]),
      ['GEMM peak, GFLOP/s', rounds.map(({ gemm }) => gemm.peak)],
      ['useful GFLOP a round', rounds.map(({ gigaflops }) => gigaflops)]
    ])
  }
}

function figureOf(question: string, standings: readonly Standing[], factorOf: (standing: Standing) => number): Figure {
  const bars = standings.map((standing) => ({ label: standing.contestant.name, value: factorOf(standing) }))
  return { kind: 'bars', title: question, unit: 'time, logpr = 1', bars }
}

function oneLine(text: string): string {
  return text.split('\n').at(-1)?.slice(0, 160) ?? ''
}
