/** With LOGPR_BENCH_BUDGET=0.1, benchmarks stop after a tenth of their time; the result states the rounds completed. */
export function budgetSeconds(seconds: number): number {
  const share = Number(process.env.LOGPR_BENCH_BUDGET ?? 1)
  if (!(share > 0)) throw new Error('LOGPR_BENCH_BUDGET is a factor above 0')
  return seconds * share
}

/** A time limit for loops that run at least one round. */
export function deadlineAfter(seconds: number): { readonly isOver: () => boolean } {
  const end = performance.now() + 1000 * budgetSeconds(seconds)
  return { isOver: () => performance.now() >= end }
}
