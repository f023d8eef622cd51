import type { RunningService } from '../../support/running-service.ts'

const COUNT = /^logpr_http_requests_total\{route="([^"]+)",method="[A-Z]+",status="(\d+)"\} (\d+)/gm

/**
 * How many requests to scoring and tokenizer routes the service has answered so far, and how many of them with an
 * error.
 */
export async function answeredRequests(service: RunningService): Promise<{ readonly answered: number; readonly failed: number }> {
  const metrics = await (await service.get('/metrics')).text()
  const counts = [...metrics.matchAll(COUNT)]
    .map(([, route, status, count]) => ({ route, status: Number(status), count: Number(count) }))
    .filter(({ route }) => route !== '/readyz' && route !== '/metrics')
  const total = (of: typeof counts): number => of.reduce((sum, { count }) => sum + count, 0)
  return { answered: total(counts), failed: total(counts.filter(({ status }) => status >= 400)) }
}
