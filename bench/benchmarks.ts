import type { Findings } from './support/result.ts'

/** All benchmarks by name, in the order of docs/performance.md. */
export const BENCHES: Readonly<Record<string, () => Promise<Findings>>> = {
  'pairs-gpt2': async () => (await import('./independent-pairs.ts')).run('gpt2'),
  'choices-gpt2': async () => (await import('./multiple-choice.ts')).run('gpt2'),
  'rolling-gpt2': async () => (await import('./rolling-text.ts')).run('gpt2'),
  'pairs-embedded': async () => (await import('./independent-pairs.ts')).run('embedded'),
  'choices-embedded': async () => (await import('./multiple-choice.ts')).run('embedded'),
  'rolling-embedded': async () => (await import('./rolling-text.ts')).run('embedded'),
  'scoring-graph': async () => (await import('./scoring-graph.ts')).run(),
  'http-overhead': async () => (await import('./http-overhead.ts')).run(),
  'check-overhead': async () => (await import('./check-overhead.ts')).run(),
  'event-loop': async () => (await import('./event-loop.ts')).run(),
  'tokenize-latency': async () => (await import('./tokenize-latency.ts')).run(),
  'several-models': async () => (await import('./several-models.ts')).run(),
  'model-loading': async () => (await import('./model-loading.ts')).run()
}

/** Several under one name. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  peers: ['pairs-gpt2', 'choices-gpt2', 'rolling-gpt2', 'pairs-embedded', 'choices-embedded', 'rolling-embedded']
}
