import type { PeerClient } from '../peer/peer-client.ts'
import { checkBatches } from './checks/batches.ts'
import { checkForms } from './checks/forms.ts'
import { checkBoundaries, checkPrefixes } from './checks/prefixes.ts'
import { checkRepeats } from './checks/repeats.ts'
import { findAbilities, findMaterial } from './probe.ts'
import { CHECKS, type CheckId, type CheckResult, newTallies } from './result.ts'
import { compareWithModel, type ReferenceModel } from './same-model.ts'
import { Session } from './session.ts'
import { TextMaker } from './texts.ts'

export interface AuditOptions {
  readonly client: PeerClient
  /** From 0 to 2^32 - 1; equal seeds send equal texts. */
  readonly seed: number
  /** Nats by which one log-probability may differ between two requests. */
  readonly tolerance: number
  readonly concurrency: number
  /** Longest prompt to send, in tokens. */
  readonly maxTokens: number
  /** What the values are compared with; null compares nothing. */
  readonly reference: ReferenceModel | null
  readonly signal: AbortSignal
  /** Called with what is checked next. */
  readonly onStep: (step: string) => void
}

export interface AuditReport {
  readonly checks: readonly CheckResult[]
  /** Over all checks. */
  readonly findingCount: number
  readonly requestCount: number
  readonly promptTokens: number
}

const SHORT_CHARACTERS = 90

/**
 * Audits a server. Throws `PeerError` when the server refuses every form of the request or cannot be reached at first;
 * what happens later is a finding.
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const { client, seed, tolerance, concurrency, maxTokens, reference, signal, onStep } = options
  const tallies = newTallies()
  const maker = new TextMaker(seed)
  onStep('how the server answers')
  const abilities = await findAbilities(client, tallies, maker.text(SHORT_CHARACTERS), signal)
  let promptTokens = 0
  if (abilities === null) for (const tally of Object.values(tallies)) tally.note('the server returned no log-probabilities of the prompt')
  else {
    const session = new Session({ client, tallies, abilities, tolerance, concurrency, signal })
    // Before any other request with these texts: the first one must find empty caches.
    onStep('repeated texts')
    const material = await findMaterial(client, session, { texts: [maker.text(SHORT_CHARACTERS), maker.text(SHORT_CHARACTERS)], maxTokens })
    await checkRepeats(session, material, maker)
    onStep('other forms of the request')
    await checkForms(session, maker.text(SHORT_CHARACTERS))
    onStep('prefixes')
    await checkPrefixes(session, material, maker)
    onStep('several texts')
    await checkBatches(session, material, maker)
    onStep('long texts')
    await checkBoundaries(session, material, maker, maxTokens)
    if (reference === null) tallies.same_model.note('no --model to compare with')
    else {
      onStep('the model here')
      await compareWithModel(session, reference)
    }
    promptTokens = session.tokenCount
  }
  const checks = (Object.keys(CHECKS) as CheckId[]).map((id) => tallies[id].result)
  return { checks, findingCount: checks.reduce((sum, { findingCount }) => sum + findingCount, 0), requestCount: client.requestCount, promptTokens }
}
