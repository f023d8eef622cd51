import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../support/python.ts'

/** The local tasks, which do not need the hub. */
export const TASKS_FOLDER = 'test/interop/tasks'

/** A request of a task: a continuation after its context, or a whole text. */
export interface Sample {
  /** Task, document and option. */
  readonly key: string
  readonly context: string
  readonly continuation: string
  /** Nats. */
  readonly logProb: number
  /** Null for a rolling text. */
  readonly isGreedy: boolean | null
}

/** lm-eval's metrics of a document, such as accuracy. */
interface DocumentMetrics {
  readonly key: string
  readonly acc: number
  readonly accNorm: number
}

export interface Evaluation {
  readonly samples: readonly Sample[]
  readonly documents: readonly DocumentMetrics[]
  /** Number of retried requests, from the client's log. */
  readonly retries: number
  /** Duration of the whole program. */
  readonly wallMs: number
  /** lm-eval's own `total_evaluation_time_seconds`: with loading of model and tasks, without the start of Python. */
  readonly evaluationSeconds: number
}

export interface EvaluationRequest {
  readonly model: string
  readonly modelArgs: Readonly<Record<string, string | number | boolean>>
  readonly tasks: readonly string[]
  /** For hf only. */
  readonly device?: 'cpu'
  readonly batchSize?: number
  /** Documents of tasks by index; those tasks need not stand in `tasks`. */
  readonly documents?: Readonly<Record<string, readonly number[]>>
  readonly includePath?: string
  readonly env?: Readonly<Record<string, string>>
}

interface SampleLine {
  readonly doc_id: number
  readonly arguments: Readonly<Record<string, { readonly arg_0: string; readonly arg_1?: string }>>
  readonly filtered_resps: readonly (string | readonly [string, string])[]
  readonly acc?: number
  readonly acc_norm?: number
}

/** Runs lm-eval's command line and returns its samples. Throws with the end of its log when it fails. */
export async function lmEval(request: EvaluationRequest): Promise<Evaluation> {
  const output = mkdtempSync(join(tmpdir(), 'logpr-lm-eval-'))
  try {
    const began = performance.now()
    const { code, stderr } = await runProgram('lm_eval', commandLine(request, output), { HF_HOME: join(output, 'home'), ...request.env })
    const wallMs = performance.now() - began
    if (code !== 0) throw new Error(`lm_eval ended with ${code}: ${stderr.slice(-4000)}`)
    return { ...readOutput(output), retries: stderr.match(/Retrying|API request failed|RequestException/g)?.length ?? 0, wallMs }
  } finally {
    rmSync(output, { recursive: true, force: true })
  }
}

function commandLine({ model, modelArgs, tasks, device, batchSize = 1, documents, includePath = TASKS_FOLDER }: EvaluationRequest, output: string): string[] {
  const all = [...new Set([...tasks, ...Object.keys(documents ?? {})])]
  const settings = Object.entries(modelArgs).map(([name, value]) => `${name}=${typeof value === 'boolean' ? (value ? 'True' : 'False') : value}`)
  return [
    'run',
    ...['--model', model, '--model_args', settings.join(','), '--tasks', all.join(','), '--batch_size', String(batchSize)],
    ...['--include_path', includePath, '--output_path', output, '--log_samples'],
    ...(device === undefined ? [] : ['--device', device]),
    ...(documents === undefined ? [] : ['--samples', JSON.stringify(documents)])
  ]
}

function readOutput(folder: string): Pick<Evaluation, 'samples' | 'documents' | 'evaluationSeconds'> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const samples: Sample[] = []
  const documents: DocumentMetrics[] = []
  for (const file of files.filter((name) => /samples_.*\.jsonl$/.test(name))) {
    const task = /samples_(.*)_\d{4}-\d\d-\d\dT/.exec(file)?.[1]
    // Not readline, and no other separator than a line feed: a text may hold any other.
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean)) {
      const row = JSON.parse(line) as SampleLine
      const key = `${task}/${row.doc_id}`
      samples.push(...samplesOf(row, key))
      if (row.acc !== undefined) documents.push({ key, acc: row.acc, accNorm: row.acc_norm ?? row.acc })
    }
  }
  const results = JSON.parse(readFileSync(join(folder, files.find((name) => /results_.*\.json$/.test(name)) ?? ''), 'utf8')) as {
    readonly total_evaluation_time_seconds: string
  }
  return { samples, documents, evaluationSeconds: Number(results.total_evaluation_time_seconds) }
}

function samplesOf(row: SampleLine, key: string): Sample[] {
  return row.filtered_resps.map((response, option) => {
    const { arg_0, arg_1 } = row.arguments[`gen_args_${option}`] ?? { arg_0: '' }
    const [logProb, isGreedy] = typeof response === 'string' ? [response, null] : response
    return {
      key: `${key}/${option}`,
      ...(arg_1 === undefined ? { context: '', continuation: arg_0 } : { context: arg_0, continuation: arg_1 }),
      logProb: Number(logProb),
      isGreedy: isGreedy === null ? null : isGreedy === 'True'
    }
  })
}
