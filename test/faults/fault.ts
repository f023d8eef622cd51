import type { Scorer } from '../../src/engine/process/self-test/passes.ts'
import type { EvaluationContext } from '../../src/evaluation/evaluation-context.ts'
import type { CheckSubject } from '../../src/scoring/checks/request-checks.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import type { TrialRequest } from './requests.ts'

/** One thing that is wrong between a text and its score, planted at one place; everything else is the real service. */
export interface Fault {
  readonly name: string
  readonly kind: 'graph' | 'weights' | 'scores' | 'tokens' | 'bookkeeping' | 'client' | 'sharing'
  readonly description: string
  /** Changes no score by design: what must not be reported. */
  readonly isHarmless?: true
  /** Writes the model folder to load in place of the embedded one. */
  readonly folder?: (source: string, target: string) => void | Promise<void>
  /** Whether the self-test tries what the model can share; it is planted there alone. */
  readonly shares?: true
  /** Stands between the loaded model and everyone who asks it. */
  readonly scorer?: (scorer: Scorer) => Scorer
  readonly tokenizer?: (tokenizer: Tokenizer) => Tokenizer
  readonly context?: (context: EvaluationContext) => EvaluationContext
  /** What the checks would see if the service kept its books wrongly. */
  readonly subject?: (subject: CheckSubject) => CheckSubject
  /** What a client that is wrong sends. */
  readonly requests?: (requests: readonly TrialRequest[]) => readonly TrialRequest[]
}
