import { openModel } from '../../src/model/open-model.ts'
import { type RunningService, startService } from '../support/running-service.ts'
import { type Answers, askAll } from './ask.ts'
import { bareLogProbs } from './bare-onnxruntime.ts'
import type { LogProbs, Oracle, OracleFile } from './oracle.ts'
import { largestDifference, type Tolerance, toleranceOf } from './tolerance.ts'

/** A line of the matrix. */
export interface Outcome {
  readonly model: string
  readonly architecture: string
  readonly layout: string
  readonly dtype: string
  readonly operators: readonly string[]
  readonly tokens: number
  /** Largest absolute difference of a token, nats; null for a rejected model. */
  readonly toFloat64: number | null
  /** To bare onnxruntime on this processor. */
  readonly toRuntime: number | null
  readonly toRuntimeBatched: number | null
  /** To the scores of bare onnxruntime stored with the model. */
  readonly toStored: number | null
  readonly verdict: string | null
  readonly remarks: readonly string[]
  /** The reason why the service rejected the model. */
  readonly refusal: string | null
  /** What differs from the expectation; null when nothing does. */
  readonly problem: string | null
}

/** Starts the service with one file of a model folder, scores the oracle's texts and compares the scores. */
export async function runModel(folder: string, oracle: Oracle, file: OracleFile): Promise<Outcome> {
  const { name: model, architecture, layout, refused, texts } = oracle
  const described = { model, architecture, layout, dtype: file.dtype, operators: file.operators ?? [] }
  const tokens = texts.reduce((sum, ids) => sum + ids.length - 1, 0)
  const nothing = { tokens, toFloat64: null, toRuntime: null, toRuntimeBatched: null, toStored: null, verdict: null, remarks: [], refusal: null }
  let service: RunningService
  try {
    service = await startService(settings(folder, oracle, file))
  } catch (error) {
    const refusal = reasonIn(String(error))
    return { ...described, ...nothing, refusal, problem: problemOfRefusal(refused, refusal) }
  }
  try {
    if (refused !== null) return { ...described, ...nothing, problem: 'it was served, and had to be refused' }
    const answers = await askAll(service, texts)
    const { onnxPath, headSize, numerics } = openModel(folder, choiceOf(oracle, file))
    const measured = measure(oracle, file, answers, await bareLogProbs(onnxPath, texts, headSize))
    return {
      ...described,
      tokens,
      ...measured,
      verdict: answers.verdict,
      remarks: answers.remarks,
      refusal: null,
      problem: problemOf(measured, answers, toleranceOf(file, numerics.activations))
    }
  } catch (error) {
    return { ...described, ...nothing, problem: String(error).slice(0, 500) }
  } finally {
    await service.stop()
  }
}

/** With only one file, its dtype is not passed, because it may not be a value of `--dtype`. */
function choiceOf({ files }: Oracle, { dtype }: OracleFile): { readonly dtype?: string } {
  return files.length > 1 ? { dtype } : {}
}

/** Long texts are batched too, and only the requests are scored. */
function settings(folder: string, oracle: Oracle, file: OracleFile): Record<string, string> {
  const { dtype } = choiceOf(oracle, file)
  return {
    LOGPR_MODEL: folder,
    LOGPR_THREADS: '1',
    LOGPR_LONG_TEXT_TOKENS: '100000',
    LOGPR_VERIFY_PERCENT: '0',
    LOGPR_CANARY_INTERVAL_MS: '0',
    ...(dtype === undefined ? {} : { LOGPR_DTYPE: dtype })
  }
}

type Measured = Pick<Outcome, 'toFloat64' | 'toRuntime' | 'toRuntimeBatched' | 'toStored'> & { readonly toFloat64Batched: number }

function measure({ float64 }: Oracle, { onnxruntime: stored = [] }: OracleFile, { alone, batched }: Answers, bare: LogProbs): Measured {
  return {
    toFloat64: largestDifference(alone, float64),
    toFloat64Batched: largestDifference(batched, float64),
    toRuntime: largestDifference(alone, bare),
    toRuntimeBatched: largestDifference(batched, bare),
    toStored: largestDifference(alone, stored)
  }
}

function problemOf(
  { toFloat64, toFloat64Batched, toRuntime, toRuntimeBatched, toStored }: Measured,
  { alone, batched, verdict }: Answers,
  tolerance: Tolerance
): string | null {
  const problems = [
    tooFar('from float64, alone', toFloat64, tolerance.toFloat64),
    tooFar('from float64, batched', toFloat64Batched, tolerance.toFloat64),
    tooFar('from onnxruntime, alone', toRuntime, tolerance.toRuntime),
    tooFar('from onnxruntime, batched', toRuntimeBatched, tolerance.toRuntime),
    tooFar('from the stored numbers of onnxruntime', toStored, tolerance.toStored),
    tooFar('between alone and batched', largestDifference(alone, batched), tolerance.batched),
    verdict === 'fail' ? 'a check failed' : null
  ]
  return problems.filter((problem) => problem !== null).join('; ') || null
}

function tooFar(what: string, found: number | null, limit: number | null): string | null {
  return limit === null || (found ?? Number.POSITIVE_INFINITY) <= limit ? null : `${found?.toExponential(1)} nats ${what} (limit ${limit})`
}

function problemOfRefusal(expected: string | null, reason: string): string | null {
  if (expected === null) return `it was refused: ${reason}`
  return new RegExp(expected).test(reason) ? null : `it was rejected for another reason: ${reason}`
}

/** Why a service ended: the reason in its last fatal log line, or the output of the command. */
function reasonIn(output: string): string {
  const fatal = output.split('\n').findLast((line) => line.includes('"level":"fatal"'))
  const reason = /"reason":"((?:[^"\\]|\\.)*)"/.exec(fatal ?? '')?.[1]
  return (reason ?? /logpr: (.*)/.exec(output)?.[1] ?? output).slice(0, 400)
}
