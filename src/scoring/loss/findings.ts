import { isTrained, type LogProbs, type Reason } from './labels.ts'

/** Something about an example that a training run would suffer from, with what to do. */
export interface Finding {
  readonly code:
    | 'all_masked'
    | 'nothing_masked'
    | 'merged_boundary_token'
    | 'first_trained_token_is_first'
    | 'template_not_prefix_preserving'
    | 'template_missing_end'
    | 'eos_not_trained'
  /** `error`: nothing is learned; `warning`: something wrong is; `note`: a choice to know of. */
  readonly severity: 'error' | 'warning' | 'note'
  readonly message: string
}

interface LabelledTokens {
  readonly reasons: readonly Reason[]
  readonly logProbs: LogProbs
  readonly promptLossWeight: number
}

/** What the labels alone show. */
export function labelFindings({ reasons, logProbs, promptLossWeight }: LabelledTokens): Finding[] {
  const isPredicted = (i: number): boolean => logProbs[i] != null
  const findings: Finding[] = []
  if (!reasons.some(isTrained))
    findings.push({
      code: 'all_masked',
      severity: 'error',
      message: `no token is trained${promptLossWeight > 0 ? ' but those of the prompt' : ': the mean loss is 0/0, and a training run prints NaN or 0'}. Mark what is to be learned: y, a segment with train true, or a message whose role is in train_on`
    })
  else if (reasons.findIndex(isTrained) === 0)
    findings.push({
      code: 'first_trained_token_is_first',
      severity: 'warning',
      message:
        'the first trained token is the first of the sequence: no row predicts it, so it is left out of the loss. Put a prefix token or a prompt in front of it'
    })
  const hasGiven = reasons.some((reason, i) => isPredicted(i) && !isTrained(reason))
  if (reasons.some(isTrained) && !hasGiven)
    findings.push({
      code: 'nothing_masked',
      severity: 'warning',
      message:
        'no token is masked: the loss is that of the whole text. That is pre-training; for supervised fine-tuning send the prompt as x, or as a segment with train false'
    })
  else if (promptLossWeight === 1 && hasGiven)
    findings.push({
      code: 'nothing_masked',
      severity: 'warning',
      message: 'prompt_loss_weight 1 trains the prompt like the completion: no token is masked. Use a smaller weight; 0 masks the prompt'
    })
  if (reasons.some(isTrained) && !reasons.includes('eos'))
    findings.push({
      code: 'eos_not_trained',
      severity: 'note',
      message: 'no end token is trained: a model trained on this does not learn to stop. Use eos: "score" when your run trains the end token'
    })
  return findings
}

/** `merged_boundary_token` of a text whose tokens were cut as one: tokens with trained and given text in them. */
export function straddleFinding(positions: readonly number[]): Finding[] {
  if (positions.length === 0) return []
  const where = positions.length === 1 ? `the token at position ${positions[0]} holds` : `the tokens at positions ${listed(positions)} hold`
  return [
    {
      code: 'merged_boundary_token',
      severity: 'warning',
      message: `${where} both text to be trained and text that is given, and ${positions.length === 1 ? 'is' : 'are'} masked: that text is never learned. Move the boundary to one of tokens: let the trained text begin with its space`
    }
  ]
}

/** `merged_boundary_token` of x and y that were tokenized apart. */
export function splitFinding(straddlingId: number): Finding {
  return {
    code: 'merged_boundary_token',
    severity: 'warning',
    message: `x+y taken together has a token, id ${straddlingId}, across the end of x; here x and y were tokenized apart, and a run that tokenizes them together trains other tokens. Move the end of x to a word boundary: let y begin with its space`
  }
}

const MOST_LISTED = 8

function listed(positions: readonly number[]): string {
  const rest = positions.length - MOST_LISTED
  return `${positions.slice(0, MOST_LISTED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
