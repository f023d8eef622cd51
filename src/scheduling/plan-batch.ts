/** What the planner looks at: how many tokens a job feeds to the model, and whether it must run alone. */
export interface PlannedJob {
  readonly tokenCount: number
  readonly runsAlone: boolean
}

export interface BatchLimits {
  /** Upper bound on rows x longest row: what the model computes, padding included. */
  readonly maxBatchTokens: number
  /** Texts with more tokens run alone: they fill the machine by themselves, and a neighbour would only add padding. */
  readonly longTextTokens: number
}

/** Share of a batch that may be padding. */
const MAX_PADDING_SHARE = 0.2
/** How far behind the head to look for neighbours of its length. */
export const WINDOW = 1024

/**
 * Indices of the queued jobs that form the next batch.
 *
 * The job at the head is always taken, so every queue makes progress and nothing waits for ever. It is joined by those
 * closest to it in length, while padding stays below a fifth and the batch within its tokens.
 */
export function planBatch(queue: readonly PlannedJob[], limits: BatchLimits): number[] {
  const head = queue[0]
  if (head === undefined) return []
  const isLong = ({ tokenCount, runsAlone }: PlannedJob): boolean => runsAlone || tokenCount > limits.longTextTokens
  if (isLong(head)) return [0]

  const byDistance = queue
    .slice(1, WINDOW)
    .map((job, i) => ({ index: i + 1, job, distance: Math.abs(job.tokenCount - head.tokenCount) }))
    .filter(({ job }) => !isLong(job))
    .sort((a, b) => a.distance - b.distance || a.index - b.index)

  const taken = [0]
  let tokens = head.tokenCount
  let longest = head.tokenCount
  for (const { index, job } of byDistance) {
    const nextLongest = Math.max(longest, job.tokenCount)
    const padded = (taken.length + 1) * nextLongest
    if (padded > limits.maxBatchTokens) break
    if (padded - (tokens + job.tokenCount) > MAX_PADDING_SHARE * padded) continue
    taken.push(index)
    tokens += job.tokenCount
    longest = nextLongest
  }
  return taken.sort((a, b) => a - b)
}
