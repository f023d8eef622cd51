import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { startService } from '../../support/running-service.ts'
import { answeredRequests } from '../support/refused-requests.ts'
import { compare } from './compare.ts'
import { hfRequest } from './modes.ts'
import { type Evaluation, type EvaluationRequest, lmEval, TASKS_FOLDER } from './run-lm-eval.ts'

const SAMPLE_TASK = 'logpr_blimp_sample'
const TASK = 'logpr_blimp'
/** Threads of the service and of torch. Spinning threads would slow down the other side on a machine with few cores. */
const THREADS = 1

/** All pairs of BLiMP scored by the service and by `hf`, in sequence on one machine. */
export interface BlimpOutcome {
  readonly pairs: number
  /** Share of pairs whose acceptable sentence is more probable. */
  readonly accuracy: number
  readonly hfAccuracy: number
  readonly pairsThatDiffer: number
  readonly maxDifference: number
  readonly greedyMismatches: number
  readonly failed: number
  readonly retries: number
  /** lm-eval's own time, and the time of the whole program. */
  readonly evaluationSeconds: number
  readonly hfEvaluationSeconds: number
  readonly programSeconds: number
  readonly hfProgramSeconds: number
  readonly threads: number
  /** One-minute load average before each of the two runs. */
  readonly load: readonly [service: number, hf: number]
}

/** `pairsFile` is in JSON Lines with the fields good and bad. */
export async function measureBlimp(pairsFile: string, checkpoint: string): Promise<BlimpOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-blimp-'))
  const service = await startService({ LOGPR_THREADS: String(THREADS) })
  try {
    const yaml = readFileSync(join(PACKAGE_FOLDER, TASKS_FOLDER, `${SAMPLE_TASK}.yaml`), 'utf8')
    const data = `${TASKS_FOLDER}/data/blimp-sample.jsonl`
    writeFileSync(join(folder, `${TASK}.yaml`), yaml.replace(SAMPLE_TASK, TASK).replace(data, resolve(pairsFile)))
    const common = { tasks: [TASK], includePath: folder, env: { OMP_NUM_THREADS: String(THREADS) } }

    const serviceLoad = loadavg()[0] ?? 0
    const measured = await lmEval({ ...serviceRequest(service.url, checkpoint), ...common })
    const { failed } = await answeredRequests(service)
    await service.stop()
    const hfLoad = loadavg()[0] ?? 0
    const hf = await lmEval({ ...hfRequest(checkpoint), batchSize: 32, ...common })

    const { accuracyMismatches, documents, maxDifference, greedyMismatches, unmatched } = compare(hf, measured)
    if (unmatched > 0) throw new Error(`${unmatched} samples have no counterpart`)
    return {
      pairs: documents,
      accuracy: accuracyOf(measured),
      hfAccuracy: accuracyOf(hf),
      pairsThatDiffer: accuracyMismatches,
      maxDifference,
      greedyMismatches,
      failed,
      retries: measured.retries,
      evaluationSeconds: measured.evaluationSeconds,
      hfEvaluationSeconds: hf.evaluationSeconds,
      programSeconds: measured.wallMs / 1000,
      hfProgramSeconds: hf.wallMs / 1000,
      threads: THREADS,
      load: [serviceLoad, hfLoad]
    }
  } finally {
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function serviceRequest(url: string, checkpoint: string): EvaluationRequest {
  return {
    model: 'local-completions',
    modelArgs: {
      model: 'logpr-tiny-en',
      base_url: `${url}/v1/completions`,
      max_length: 512,
      num_concurrent: 4,
      tokenizer_backend: 'huggingface',
      tokenizer: checkpoint
    },
    batchSize: 32,
    tasks: []
  }
}

const accuracyOf = ({ documents }: Evaluation): number => documents.reduce((sum, { acc }) => sum + acc, 0) / documents.length
