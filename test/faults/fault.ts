import type { Scorer } from '../../src/engine/process/self-test/passes.ts'
import type { EvaluationContext } from '../../src/evaluation/evaluation-context.ts'
import type { CheckSubject } from '../../src/scoring/checks/request-checks.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import type { TrialRequest } from './requests.ts'

/** A single fault between a text and its score, planted at one place. Everything else is the real service. */
export interface Fault {
  readonly name: string
  readonly kind: 'graph' | 'weights' | 'scores' | 'tokens' | 'bookkeeping' | 'client' | 'sharing'
  readonly description: string
  /** It changes no score by design, so it must not be reported. */
  readonly isHarmless?: true
  /** Writes a model folder that replaces the embedded one. */
  readonly folder?: (source: string, target: string) => void | Promise<void>
  /** Whether the fault is planted only in the self-test of the sharing features. */
  readonly shares?: true
  /** Wraps the loaded model. */
  readonly scorer?: (scorer: Scorer) => Scorer
  readonly tokenizer?: (tokenizer: Tokenizer) => Tokenizer
  readonly context?: (context: EvaluationContext) => EvaluationContext
  /** What the checks would receive if the service made a bookkeeping error. */
  readonly subject?: (subject: CheckSubject) => CheckSubject
  /** What a faulty client sends. */
  readonly requests?: (requests: readonly TrialRequest[]) => readonly TrialRequest[]
}
