import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMetrics } from '../../src/observability/metrics.ts'

const gauges = (queuedTokens: number, isReady: boolean) => ({
  queuedTokens: () => queuedTokens,
  queuedSequences: () => 2,
  engineRestarts: () => 3,
  enginesReady: () => 2,
  isReady: () => isReady
})

describe('metrics of models', () => {
  it('read the gauges of each model at every scrape', async () => {
    const metrics = createMetrics()
    metrics.ofModel('a', gauges(5, true))
    metrics.ofModel('org/b', gauges(7, false))
    const text = await metrics.registry.metrics()
    for (const line of [
      'logpr_queue_tokens{model="a"} 5',
      'logpr_queue_tokens{model="org/b"} 7',
      'logpr_ready{model="a"} 1',
      'logpr_engines_ready{model="a"} 2',
      'logpr_ready{model="org/b"} 0'
    ])
      assert.ok(text.split('\n').includes(line), line)
  })

  it('count the events of a model under its id only', async () => {
    const metrics = createMetrics()
    const [a] = [metrics.ofModel('a', gauges(0, true)), metrics.ofModel('b', gauges(0, true))]
    a.batchDone({ sequences: 2, tokens: 30, paddedTokens: 40, cachedTokens: 7, runMs: 20, queueMs: 1 })
    a.reused('result', 5)
    a.reused('in_flight', 6)
    a.jobsDropped('queue_full', 3)
    a.itemsScored(4)
    a.verified('warn')
    a.wrongCanary()
    a.monitorFailed('canary')
    const lines = (await metrics.registry.metrics()).split('\n')
    const counted = [
      'logpr_batch_seconds_count{model="a"} 1',
      'logpr_batch_seconds_sum{model="a"} 0.02',
      'logpr_queue_seconds_sum{model="a"} 0.001',
      'logpr_batch_sequences_sum{model="a"} 2',
      'logpr_computed_tokens_total{model="a"} 30',
      'logpr_padding_tokens_total{model="a"} 10',
      'logpr_cached_tokens_total{model="a",source="prefix"} 7',
      'logpr_cached_tokens_total{model="a",source="result"} 5',
      'logpr_cached_tokens_total{model="a",source="in_flight"} 6',
      'logpr_dropped_sequences_total{model="a",reason="queue_full"} 3',
      'logpr_items_total{model="a"} 4',
      'logpr_verifications_total{model="a",verdict="warn"} 1',
      'logpr_wrong_canaries_total{model="a"} 1',
      'logpr_monitor_failures_total{model="a",monitor="canary"} 1',
      'logpr_monitor_failures_total{model="a",monitor="sampled_verification"} 0'
    ]
    for (const line of counted) assert.ok(lines.includes(line), line)
    // Series exist from the start, so that the first event shows as an increase.
    for (const line of ['logpr_wrong_canaries_total{model="b"} 0', 'logpr_batch_seconds_count{model="b"} 0', 'logpr_computed_tokens_total{model="b"} 0'])
      assert.ok(lines.includes(line), line)
  })
})
