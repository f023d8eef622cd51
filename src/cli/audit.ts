import { randomInt } from 'node:crypto'
import { audit as auditServer } from '../audit/audit.ts'
import { type CurlTarget, reportJson, reportText } from '../audit/report.ts'
import type { ReferenceModel } from '../audit/same-model.ts'
import { ServiceError } from '../errors.ts'
import { PeerClient } from '../peer/peer-client.ts'
import { AUDIT_DEFAULTS } from './audit-flags.ts'
import { COMMANDS } from './commands.ts'
import { EXIT_INTERRUPTED } from './exit-codes.ts'
import { loadReference } from './open-model.ts'
import { keyIn, listedModel } from './peer-model.ts'
import { readArguments } from './read-arguments.ts'

const MAX_SEED = 2 ** 32

/**
 * `logpr audit URL`: checks the log-probabilities of another server, prints a table or JSON, and returns 1 if there is
 * a finding. Throws `PeerError` when the server cannot be audited at all.
 */
export async function audit(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const loaded = readArguments(COMMANDS.audit, argv, { ...env, LOGPR_LOG_LEVEL: env.LOGPR_LOG_LEVEL ?? 'error' })
  const { own, positionals } = loaded
  const [url] = positionals
  if (url === undefined) throw invalid('audit needs the URL of a server, as in logpr audit http://127.0.0.1:8000')
  const seed = own.seed ?? randomInt(MAX_SEED)
  const tolerance = toleranceOf(own.tolerance)
  const keyVariable = own['api-key-env'] ?? null
  const options = {
    url,
    apiKey: keyVariable === null ? null : keyIn(env, keyVariable, 'api-key-env'),
    timeoutMs: own['timeout-ms'] ?? AUDIT_DEFAULTS.timeoutMs,
    concurrency: own.concurrency ?? AUDIT_DEFAULTS.concurrency
  }
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  const { signal } = interrupted
  const onStep = (step: string): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2Klogpr: auditing: ${step}`)
  }
  // Only a flag asks for a comparison: LOGPR_MODEL may be set for the service.
  const isCompared = argv.some((argument) => /^--model(?:=|$)/.test(argument))
  let reference: (ReferenceModel & { close(): Promise<void> }) | null = null
  try {
    const listed = await listedModel(new PeerClient({ ...options, model: null }), { name: own['served-model'] ?? null, flag: 'served-model' }, signal)
    if (isCompared) reference = await loadReference(loaded, env)
    const client = new PeerClient({ ...options, model: listed.id })
    const maxTokens = Math.min(own['max-length'] ?? AUDIT_DEFAULTS.maxLength, (listed.maxModelLen ?? Number.POSITIVE_INFINITY) - 1)
    const report = await auditServer({ client, seed, tolerance, concurrency: options.concurrency, maxTokens, reference, signal, onStep })
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K')
    const target: CurlTarget = { url: client.urls.completions, keyVariable }
    const settings = { model: listed.id, seed, tolerance, concurrency: options.concurrency, max_length: maxTokens }
    process.stdout.write(own.json ? `${JSON.stringify(reportJson(report, target, settings), null, 2)}\n` : `${reportText(report, target)}; --seed ${seed}\n`)
    return report.findingCount > 0 ? 1 : 0
  } catch (error) {
    if (signal.aborted) return EXIT_INTERRUPTED
    throw error
  } finally {
    await reference?.close()
  }
}

function toleranceOf(text: string | undefined): number {
  if (text === undefined) return AUDIT_DEFAULTS.toleranceNats
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw invalid('--tolerance must be a number of nats, 0 or more')
  return value
}

function invalid(message: string): ServiceError {
  return new ServiceError('configuration_invalid', message)
}
