import type { Findings } from './support/result.ts'

/** All benchmarks by name, in the order of docs/performance.md. */
export const BENCHES: Readonly<Record<string, () => Promise<Findings>>> = {
  'pairs-gpt2': async () => (await import('./independent-pairs.ts')).run('gpt2'),
  'choices-gpt2': async () => (await import('./multiple-choice.ts')).run('gpt2'),
  'rolling-gpt2': async () => (await import('./rolling-text.ts')).run('gpt2'),
  'pairs-embedded': async () => (await import('./independent-pairs.ts')).run('embedded'),
  'choices-embedded': async () => (await import('./multiple-choice.ts')).run('embedded'),
  'rolling-embedded': async () => (await import('./rolling-text.ts')).run('embedded'),
  'rerank-gpt2': async () => (await import('./rerank-calls.ts')).run('gpt2'),
  'rerank-embedded': async () => (await import('./rerank-calls.ts')).run('embedded'),
  'int8-gpt2': async () => (await import('./int8-rows.ts')).run('gpt2'),
  'arrivals-gpt2': async () => (await import('./arrival-rate.ts')).run('gpt2'),
  'arrivals-embedded': async () => (await import('./arrival-rate.ts')).run('embedded'),
  'concurrent-clients': async () => (await import('./concurrent-clients.ts')).run(),
  overload: async () => (await import('./overload.ts')).run(),
  'growth-pairs': async () => (await import('./growth.ts')).pairs(),
  'growth-context': async () => (await import('./growth.ts')).context(),
  'growth-vocabulary': async () => (await import('./growth.ts')).vocabulary(),
  'memory-peak': async () => (await import('./memory-peak.ts')).run(),
  'memory-flat': async () => (await import('./memory-flat.ts')).run(),
  'check-overhead': async () => (await import('./check-overhead.ts')).run(),
  'event-loop': async () => (await import('./event-loop.ts')).run(),
  'http-overhead': async () => (await import('./http-overhead.ts')).run(),
  'model-loading': async () => (await import('./model-loading.ts')).run(),
  'scoring-graph': async () => (await import('./scoring-graph.ts')).run(),
  'prefix-cache': async () => (await import('./prefix-cache.ts')).run(),
  'several-models': async () => (await import('./several-models.ts')).run(),
  'tokenize-latency': async () => (await import('./tokenize-latency.ts')).run(),
  'teacher-arrays': async () => (await import('./teacher-arrays.ts')).run()
}

/** Groups of benchmarks under one name. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  peers: ['pairs-gpt2', 'choices-gpt2', 'rolling-gpt2', 'rerank-gpt2', 'pairs-embedded', 'choices-embedded', 'rolling-embedded', 'rerank-embedded'],
  load: ['arrivals-gpt2', 'arrivals-embedded', 'concurrent-clients', 'overload'],
  growth: ['growth-pairs', 'growth-context', 'growth-vocabulary'],
  memory: ['memory-peak', 'memory-flat']
}
