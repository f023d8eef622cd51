/** LOGPR_BENCH_BUDGET = 0.1 makes benchmarks stop after a tenth of their time; the rounds that were done stand in the result. */
export function budgetSeconds(seconds: number): number {
  const share = Number(process.env.LOGPR_BENCH_BUDGET ?? 1)
  if (!(share > 0)) throw new Error('LOGPR_BENCH_BUDGET is a factor above 0')
  return seconds * share
}

/** A time to stop at, for loops that do at least their first round. */
export function deadlineAfter(seconds: number): { readonly isOver: () => boolean } {
  const end = performance.now() + 1000 * budgetSeconds(seconds)
  return { isOver: () => performance.now() >= end }
}
