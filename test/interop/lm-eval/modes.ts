import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { type EvaluationRequest, TASKS_FOLDER } from './run-lm-eval.ts'

const TASKS = ['logpr_blimp_sample', 'logpr_next_sentence', 'logpr_last_word', 'logpr_edges', 'logpr_prose']
/** Context length of the embedded model. */
const MAX_LENGTH = 512

/**
 * lm-eval's own backend on the same weights. It takes windows of max_length predicted tokens, local-completions of
 * max_length - 2.
 */
export function hfRequest(checkpoint: string): EvaluationRequest {
  return {
    model: 'hf',
    modelArgs: { pretrained: checkpoint, dtype: 'float32', max_length: MAX_LENGTH - 2 },
    device: 'cpu',
    batchSize: 8,
    tasks: TASKS
  }
}

/** The configuration of a client. */
export interface Mode {
  readonly client: 'local-completions' | 'gguf'
  readonly name: string
  /** `checkpoint` is the folder whose tokenizer the client loads where it tokenizes itself. */
  request(url: string, checkpoint: string): EvaluationRequest
}

interface Form {
  readonly prompt: 'ids' | 'text'
  readonly batchSize: number
  readonly concurrent: number
  readonly tokenizer: 'remote' | 'huggingface'
}

export function localCompletions({ prompt, batchSize, concurrent, tokenizer }: Form): Mode {
  return {
    client: 'local-completions',
    name: `${prompt}, batch_size ${batchSize}, num_concurrent ${concurrent}, tokenizer ${tokenizer}`,
    request: (url, checkpoint) => ({
      model: 'local-completions',
      modelArgs: {
        model: 'logpr-tiny-en',
        base_url: `${url}/v1/completions`,
        max_length: MAX_LENGTH,
        num_concurrent: concurrent,
        tokenized_requests: prompt === 'ids',
        tokenizer_backend: tokenizer,
        ...(tokenizer === 'huggingface' ? { tokenizer: checkpoint } : {})
      },
      batchSize,
      tasks: TASKS
    })
  }
}

/**
 * It has neither rolling texts nor a prefix token: the first token of an empty context has no number, and the client
 * ends with a TypeError. Spaces at the end of a context it leaves there, where others move them.
 */
const GGUF: Mode = {
  client: 'gguf',
  name: 'text, one at a time',
  request: (url) => ({
    model: 'gguf',
    modelArgs: { base_url: url },
    tasks: ['logpr_next_sentence', 'logpr_last_word'],
    documents: { logpr_edges: edgesThat(({ context }) => context !== '' && !/\s$/.test(context)) }
  })
}

/** Indices of the documents of `logpr_edges` that satisfy a condition. */
function edgesThat(holds: (edge: { readonly what: string; readonly context: string }) => boolean): number[] {
  const lines = readFileSync(join(PACKAGE_FOLDER, TASKS_FOLDER, 'data', 'edges.jsonl'), 'utf8')
    .trim()
    .split('\n')
  return lines.flatMap((line, index) => (holds(JSON.parse(line)) ? [index] : []))
}

/** Every form of prompt with every number of concurrent requests and both tokenizers. */
export const ALL_MODES: readonly Mode[] = [
  ...(['ids', 'text'] as const).flatMap((prompt) =>
    [1, 3].flatMap((batchSize) =>
      [1, 8, 32].flatMap((concurrent) =>
        (['remote', 'huggingface'] as const).map((tokenizer) => localCompletions({ prompt, batchSize, concurrent, tokenizer }))
      )
    )
  ),
  GGUF
]

/**
 * One pair of each paradigm, and less of the longest texts, so that a run of a mode takes seconds; all of the other
 * tasks.
 */
export function shortened(request: EvaluationRequest): EvaluationRequest {
  const fewer = { logpr_blimp_sample: Array.from({ length: 67 }, (_, paradigm) => paradigm * 5), logpr_next_sentence: Array.from({ length: 10 }, (_, i) => i) }
  const documents = Object.fromEntries(Object.entries(fewer).filter(([task]) => request.tasks.includes(task)))
  return { ...request, documents: { ...documents, ...request.documents } }
}

/**
 * Few enough for every run of the suite: each form of prompt, each number of requests at a time, each tokenizer with
 * text and with ids.
 */
export const MODES: readonly Mode[] = [
  localCompletions({ prompt: 'ids', batchSize: 1, concurrent: 32, tokenizer: 'remote' }),
  localCompletions({ prompt: 'ids', batchSize: 3, concurrent: 8, tokenizer: 'huggingface' }),
  localCompletions({ prompt: 'text', batchSize: 1, concurrent: 1, tokenizer: 'remote' }),
  localCompletions({ prompt: 'text', batchSize: 3, concurrent: 32, tokenizer: 'huggingface' }),
  GGUF
]
