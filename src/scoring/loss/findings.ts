import { isTrained, type LogProbs, type Reason } from './labels.ts'

/** A problem in the mask of an example that would affect a training run. The message ends with the remedy. */
export interface Finding {
  readonly code:
    | 'all_masked'
    | 'nothing_masked'
    | 'merged_boundary_token'
    | 'first_trained_token_is_first'
    | 'template_not_prefix_preserving'
    | 'template_missing_end'
    | 'eos_not_trained'
    | 'tool_calls_masked'
    | 'field_ignored'
    | 'field_not_rendered'
    | 'parts_not_read'
    | 'labels_shifted'
    | 'labels_differ'
    | 'label_after_padding'
    | 'end_token_masked'
  /** `error`: nothing is learned; `warning`: something unintended is learned; `note`: a choice that may be intended. */
  readonly severity: 'error' | 'warning' | 'note'
  readonly message: string
}

interface LabelledTokens {
  readonly reasons: readonly Reason[]
  readonly logProbs: LogProbs
  readonly promptLossWeight: number
}

/** Problems that the labels alone show. */
export function labelFindings({ reasons, logProbs, promptLossWeight }: LabelledTokens): Finding[] {
  const isPredicted = (i: number): boolean => logProbs[i] != null
  const findings: Finding[] = []
  if (!reasons.some(isTrained))
    findings.push({
      code: 'all_masked',
      severity: 'error',
      message: `${promptLossWeight > 0 ? 'only prompt tokens are trained' : 'no token is trained, so the mean loss is 0/0 and a training run prints NaN or 0'}. Mark the text to learn: send it as y, as a segment with train true, as a message with a role in train_on, in a {% generation %} block of the template, or with its ids as labels`
    })
  else if (reasons.findIndex(isTrained) === 0)
    findings.push({
      code: 'first_trained_token_is_first',
      severity: 'warning',
      message:
        'the first trained token is the first of the sequence, which no row predicts, so the loss leaves it out. Put a prefix token or a prompt in front of it'
    })
  const hasGiven = reasons.some((reason, i) => isPredicted(i) && !isTrained(reason))
  if (reasons.some(isTrained) && !hasGiven)
    findings.push({
      code: 'nothing_masked',
      severity: 'warning',
      message:
        'no token is masked, so the loss covers the whole text, as in pre-training. For supervised fine-tuning send the prompt as x, as a segment with train false, or with labels -100'
    })
  else if (promptLossWeight === 1 && hasGiven)
    findings.push({
      code: 'nothing_masked',
      severity: 'warning',
      message: 'prompt_loss_weight 1 trains the prompt like the completion, so no token is masked. Use a smaller weight; 0 masks the prompt'
    })
  if (reasons.some(isTrained) && !reasons.includes('eos'))
    findings.push({
      code: 'eos_not_trained',
      severity: 'note',
      message: 'no end token is trained, so the model does not learn to stop. Send eos: "score", or the end token with its id as label, if your run trains it'
    })
  return findings
}

/**
 * `merged_boundary_token` for text that was tokenized as a whole: positions of tokens with both trained and given
 * text.
 */
export function straddleFinding(positions: readonly number[]): Finding[] {
  if (positions.length === 0) return []
  const tokens =
    positions.length === 1
      ? `the token at position ${positions[0]} contains both trained and given text and is masked`
      : `the tokens at positions ${listed(positions)} contain both trained and given text and are masked`
  return [
    {
      code: 'merged_boundary_token',
      severity: 'warning',
      message: `${tokens}, so that text is never learned. Move the boundary between two tokens: begin the trained text with its space`
    }
  ]
}

/** `merged_boundary_token` for the mask of a template: transformers trains a token of which it marks a part. */
export function partlyMarkedFinding(positions: readonly number[]): Finding[] {
  if (positions.length === 0) return []
  return [
    {
      code: 'merged_boundary_token',
      severity: 'warning',
      message: `tokens at positions ${listed(positions)} contain both text of a {% generation %} block and other text, and are trained whole, as in transformers. Begin and end the block between two tokens`
    }
  ]
}

/** `merged_boundary_token` for x and y that were tokenized separately. */
export function splitFinding(straddlingId: number): Finding {
  return {
    code: 'merged_boundary_token',
    severity: 'warning',
    message: `tokenized as one text, x+y has a token (id ${straddlingId}) across the end of x; here x and y were tokenized separately, so a run that tokenizes them together trains different tokens. End x at a word boundary: begin y with its space`
  }
}

interface LabelCounts {
  readonly trained: number
  /** Labels that are not the token at their position. */
  readonly differing: number
  /** Labels with a next token, and how many of them are that token. */
  readonly hasNext: number
  readonly next: number
}

/** Share of the labels that must be the next token for the labels to count as shifted: repeated tokens agree too. */
const SHIFTED_SHARE = 0.9

/** `labels_shifted` or `labels_differ`, for labels that are not those of the tokens at their positions. */
export function labelsFinding({ trained, differing, hasNext, next }: LabelCounts): Finding[] {
  if (differing === 0) return []
  if (hasNext >= 2 && next >= SHIFTED_SHARE * hasNext)
    return [
      {
        code: 'labels_shifted',
        severity: 'warning',
        message:
          'the labels are the next tokens of input_ids, but transformers shifts labels inside the model, so each row is trained on the token after the next. Leave the labels in line with input_ids'
      }
    ]
  return [
    {
      code: 'labels_differ',
      severity: 'warning',
      message: `${differing} of ${trained} labels are not the token of input_ids at their position, so the model is trained on another text than it reads. Copy the labels from input_ids and mask them with -100`
    }
  ]
}

/** `label_after_padding`: transformers scores the first token with the row of the padding before it. */
export function paddingFinding(): Finding {
  return {
    code: 'label_after_padding',
    severity: 'warning',
    message:
      'the first token behind the padding has a label, so transformers adds what padding predicts to the loss; the loss here leaves it out. Label the first token -100, or pad on the right'
  }
}

/** `end_token_masked`: the usual accident when the end token is also the pad token. */
export function endMaskedFinding(): Finding {
  return {
    code: 'end_token_masked',
    severity: 'warning',
    message:
      'the end token after the trained tokens has the label -100, so the model does not learn to stop. Collators that mask the pad token do this when it is the end token: use a pad token of its own'
  }
}

const MOST_LISTED = 8

function listed(positions: readonly number[]): string {
  const rest = positions.length - MOST_LISTED
  return `${positions.slice(0, MOST_LISTED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
