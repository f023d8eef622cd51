import { execFileSync } from 'node:child_process'
import { watchAnonymous } from '../../bench/support/process-memory.ts'
import { RandomIds } from '../../bench/workloads/random-ids.ts'
import { FRONT_BYTES } from '../../src/memory/front.ts'
import { present } from '../support/present.ts'
import { childPids, MAIN, type RunningService } from '../support/running-service.ts'
import { report } from './service.ts'

/** How far a prediction may be off. */
const MEMORY_SHARE = 0.15
/** What is left of the predicted memory of a front process whose garbage was just collected. */
const GARBAGE_COLLECTED_SHARE = 0.75
/** Default of --max-batch-tokens, and a bucket of `logpr_batch_tokens`. */
const BUDGET_TOKENS = 2048
/** Passes of the whole budget: sequences x tokens of each, with the one that is scored and not fed. */
const BUDGET_PASSES = [
  [16, 129],
  [1, 2049]
] as const
const COLLECTING_REQUESTS = 500
const SMALLEST_VOCABULARY = 49_152

interface Model {
  readonly memory: Readonly<Record<'base_bytes' | 'front_bytes' | 'weight_bytes' | 'budget_bytes' | 'prefix_cache_bytes' | 'total_bytes', number>>
  readonly precision: object | null
}

/**
 * Compares the front process once the garbage of loading is gone, then runs passes of the whole token budget and
 * compares the engine. Garbage that large responses leave in the front process is not predicted; it is printed.
 */
export async function compareMemory(service: RunningService, folder: string, precision: string): Promise<void> {
  const frontBytes = await collectedFrontBytes(service)
  const engine = present(childPids(present(service.process.pid))[0])
  const watch = watchAnonymous(engine)
  const random = new RandomIds(1, SMALLEST_VOCABULARY)
  for (const [sequences, tokens] of BUDGET_PASSES) {
    const pairs = Array.from({ length: sequences }, () => ({ x: random.ids(1), y: random.ids(tokens - 2) }))
    const { status } = await service.post('/v1/logprob', { pairs, top_logprobs: 20 })
    report(`a pass of ${sequences} x ${tokens - 1} tokens`, status === 200, `status ${status}`)
  }
  const measured = watch.stop()
  const { memory, precision: effect } = await servedModel(service)
  // Repeated texts have filled a part of the prefix cache.
  const withoutCache = memory.base_bytes - FRONT_BYTES + memory.weight_bytes + memory.budget_bytes
  compare('memory of the engine', [withoutCache, withoutCache + memory.prefix_cache_bytes], measured)
  const inspected = JSON.parse(execFileSync(process.execPath, [MAIN, 'inspect', folder, '--precision', precision, '--json', 'true'], { encoding: 'utf8' })) as {
    memory: { front_bytes: number; weight_bytes: number; budgets: { pass_bytes: number }[] }
  }
  const front = inspected.memory.front_bytes
  compare('memory of the front process', [GARBAGE_COLLECTED_SHARE * front, front], frontBytes)
  report('the front process after these passes', true, `${mebibytes(memory.front_bytes)}, ${mebibytes(frontBytes)} before`)
  const agrees = inspected.memory.weight_bytes === memory.weight_bytes && inspected.memory.budgets[0]?.pass_bytes === memory.budget_bytes
  report('logpr inspect and GET /v1/models agree', agrees, `${mebibytes(memory.weight_bytes)} of weights, ${mebibytes(memory.budget_bytes)} for a pass`)
  if (effect !== null) report('int8', true, JSON.stringify(effect))
}

/** The least memory of the front process over small requests, because JavaScript chooses when it collects. */
async function collectedFrontBytes(service: RunningService): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let request = 0; request < COLLECTING_REQUESTS; request++) {
    await service.post('/v1/logprob', { x: 'The cat sat on the', y: ' mat.' })
    least = Math.min(least, (await servedModel(service)).memory.front_bytes)
  }
  return least
}

async function servedModel(service: RunningService): Promise<Model> {
  const { data } = (await (await service.get('/v1/models')).json()) as { data: Model[] }
  return present(data[0])
}

function compare(what: string, [least, most]: readonly [number, number], measured: number): void {
  const nearest = Math.min(Math.max(measured, least), most)
  const difference = nearest / measured - 1
  const range = least === most ? mebibytes(least) : `${mebibytes(least)} to ${mebibytes(most)}`
  const percent = `${difference < 0 ? '' : '+'}${(100 * difference).toFixed(0)} %`
  report(what, Math.abs(difference) <= MEMORY_SHARE, `predicted ${range}, measured ${mebibytes(measured)} (${percent})`)
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}

/** No batch so far computed more tokens than the budget. */
export async function compareBatches(service: RunningService): Promise<void> {
  const text = await (await fetch(`${service.managementUrl}/metrics`)).text()
  const value = (series: string): number => Number(new RegExp(`^logpr_batch_tokens_${series} (\\d+)$`, 'm').exec(text)?.[1])
  const [within, all, sum] = [value(`bucket\\{le="${BUDGET_TOKENS}",model="[^"]+"\\}`), value('count\\{model="[^"]+"\\}'), value('sum\\{model="[^"]+"\\}')]
  report(`batches within ${BUDGET_TOKENS} tokens`, within === all && all > 0, `${within} of ${all}, ${Math.round(sum / all)} tokens on average`)
}
