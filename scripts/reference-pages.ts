import { ERROR_KINDS } from '../src/http/problem.ts'
import { createMetrics } from '../src/observability/metrics.ts'

/** The block of docs/reference/errors.md: every error code with its status. */
export function errorTable(): string {
  const rows = Object.entries<{ status: number; title: string; type: string; shouldRetry?: boolean }>(ERROR_KINDS).sort(([, a], [, b]) => a.status - b.status)
  const lines = rows.map(([code, { status, title, shouldRetry }]) => `| ${status} | \`${code}\` | ${title}. | ${retryAdvice(status, shouldRetry)} |`)
  return `| status | code | meaning | retry? |\n|---|---|---|---|\n${lines.join('\n')}`
}

function retryAdvice(status: number, shouldRetry?: boolean): string {
  if (status === 429 || status === 503) return 'after `Retry-After` seconds'
  if (status === 504 || status === 408) return 'with a longer deadline or a smaller request'
  if (status < 500 || shouldRetry === false) return 'no: the same request fails again'
  return 'once; then read the log'
}

/** The block of docs/reference/metrics.md. */
export async function metricTable(): Promise<string> {
  const lines = (await describedMetrics()).map(({ name, type, labelNames, help }) => `| \`${name}\` | ${type} | ${labelNames} | ${help} |`)
  return `| metric | type | labels | meaning |\n|---|---|---|---|\n${lines.join('\n')}`
}

interface DescribedMetric {
  readonly name: string
  readonly type: string
  readonly help: string
  /** As a table shows them. */
  readonly labelNames: string
}

/** Every metric of the service itself; those of the Node process are left out. */
export async function describedMetrics(): Promise<DescribedMetric[]> {
  const metrics = createMetrics()
  const idle = { queuedTokens: () => 0, queuedSequences: () => 0, engineRestarts: () => 0, enginesReady: () => 0, isReady: () => false }
  metrics.ofModel('model', idle)
  const described = await metrics.registry.getMetricsAsJSON()
  return described
    .filter(({ name }) => !/^logpr_(?:process|nodejs)_/.test(name))
    .map(({ name, type, help }) => ({ name, type: String(type), help, labelNames: labels(metrics.registry.getSingleMetric(name)) }))
}

/** prom-client stores the label names of a metric, but its types do not expose them. */
function labels(metric: unknown): string {
  const names = (metric as { readonly labelNames?: readonly string[] } | undefined)?.labelNames ?? []
  return names.map((name) => `\`${name}\``).join(', ')
}
