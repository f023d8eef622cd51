import { type ConversationFields, conversationOf, MESSAGE_OPTIONS } from '../encoding/conversation-input.ts'
import type { LogprobOptions, TextOrIds } from '../encoding/logprob-item.ts'
import { ServiceError } from '../errors.ts'
import type { Conversation } from '../tokenizer/tokenizer.ts'
import { type CollatedRow, type LabelledIds, labelledIdsOf } from './labelled-ids.ts'

/** A piece of text, and whether it is trained. */
interface Segment {
  readonly text: string
  readonly train: boolean
}

/** One example of POST /v1/loss as a body has it. */
export interface LossBody extends ConversationFields, CollatedRow {
  readonly x?: TextOrIds
  readonly y?: TextOrIds
  readonly segments?: readonly Segment[]
  readonly train_on?: readonly string[]
  readonly mask?: 'roles' | 'generation'
  readonly eos?: LogprobOptions['eos']
  readonly prompt_loss_weight?: number
  readonly reported_loss?: number
  readonly boundary?: LogprobOptions['boundary']
  readonly prefix_token?: LogprobOptions['prefixToken']
  readonly parse_special_tokens?: boolean
}

/** One training example, in one of four forms. */
export type LossInput =
  | { readonly form: 'pair'; readonly x: TextOrIds; readonly y: TextOrIds; readonly boundary: LogprobOptions['boundary'] }
  | { readonly form: 'segments'; readonly segments: readonly Segment[] }
  | {
      readonly form: 'messages'
      readonly conversation: Conversation
      readonly trainOn: readonly string[]
      /** Whether the messages of `trainOn` are trained, or what `{% generation %}` blocks of the template write. */
      readonly mask: 'roles' | 'generation'
    }
  | { readonly form: 'labels'; readonly row: LabelledIds }

export interface LossOptions {
  readonly eos: LogprobOptions['eos']
  readonly prefixToken: LogprobOptions['prefixToken']
  readonly parseSpecialTokens: boolean
  readonly promptLossWeight: number
  readonly reportedLoss: number | null
}

export interface LossRequest {
  readonly input: LossInput
  readonly options: LossOptions
}

/**
 * Reads an example and fills in the defaults. `suffix` is the place of a row in a batch of rows, such as `/3`. Throws
 * `invalid_request`, naming the missing or superfluous field.
 */
export function lossRequestOf(body: LossBody, suffix = ''): LossRequest {
  return {
    input: inputOf(body, suffix),
    options: {
      eos: body.eos ?? 'none',
      prefixToken: body.prefix_token ?? 'auto',
      parseSpecialTokens: body.parse_special_tokens ?? false,
      promptLossWeight: body.prompt_loss_weight ?? 0,
      reportedLoss: body.reported_loss ?? null
    }
  }
}

const FORMS = 'send one of: x and y, segments, messages, or input_ids and labels'

const FORM_NAMES = { x: 'x and y', segments: 'segments', messages: 'messages', input_ids: 'input_ids and labels' } as const

/** Fields that say how a text becomes tokens. */
const OF_TEXTS = ['eos', 'prefix_token', 'parse_special_tokens'] as const

/** Roles that a message may repeat. Any other could be a text of the request. */
const KNOWN_ROLES: ReadonlySet<string> = new Set(['system', 'developer', 'user', 'assistant', 'model', 'tool', 'function', 'ipython'])

/** Throws `invalid_request` for a role in train_on that no message has: its messages would be masked without a word. */
function assertRoles(trainOn: readonly string[], { messages }: Conversation): void {
  const present = new Set(messages.map(({ role }) => role))
  const missing = trainOn.findIndex((role) => !present.has(role))
  if (missing < 0) return
  const known = [...present].filter((role) => KNOWN_ROLES.has(role)).sort()
  const others = present.size - known.length
  const listed = [...known, ...(others === 0 ? [] : [`${others} that logpr does not repeat here`])].join(', ')
  throw invalid(
    `train_on/${missing}`,
    `train_on/${missing} is a role that no message has, so nothing of it would be trained. The roles of the messages are: ${listed}. Correct train_on or the messages`
  )
}

function inputOf(body: LossBody, suffix: string): LossInput {
  const { x, y, segments, messages, train_on: trainOn, mask = 'roles', eos, boundary, parse_special_tokens: parse } = body
  const given = Object.entries({ x: x ?? y, segments, messages, input_ids: body.input_ids ?? body.labels ?? body.attention_mask }).flatMap(([field, value]) =>
    value === undefined ? [] : [field]
  )
  const [form, second] = given
  if (form === undefined) throw invalid('x', `the request has no text: ${FORMS}`)
  if (second !== undefined) throw invalid(second, `${second} cannot be combined with ${FORM_NAMES[form as keyof typeof FORM_NAMES]}: ${FORMS}`)
  if (trainOn !== undefined && messages === undefined) throw invalid('train_on', 'train_on needs messages: send it with messages, or set train on segments')
  const option = messages === undefined ? MESSAGE_OPTIONS.find((field) => body[field] !== undefined && body[field] !== null) : undefined
  if (option !== undefined) throw invalid(option, `${option} needs messages, which a chat template renders: send it with messages, or leave it out`)
  if (mask === 'generation') {
    if (messages === undefined) throw invalid('mask', 'mask generation needs messages: the chat template marks what is trained')
    if (trainOn !== undefined) throw invalid('train_on', 'train_on and mask generation exclude each other: send one of them')
    if (eos !== undefined) throw invalid('eos', 'with mask generation the chat template decides which end tokens are trained: leave eos out')
    if (body.continue_final_message)
      throw invalid('continue_final_message', 'continue_final_message and mask generation exclude each other, as in transformers: send one of them')
  }
  if (boundary !== undefined && form !== 'x')
    throw invalid(
      'boundary',
      `boundary applies to x and y alone, because ${form === 'input_ids' ? 'input_ids are complete' : `${form} are tokenized as one text`}: leave boundary out`
    )
  if (parse === true && messages !== undefined)
    throw invalid(
      'parse_special_tokens',
      'message contents are always plain text, and the chat template writes the control tokens: leave parse_special_tokens out'
    )

  if (form === 'input_ids') {
    const stray = OF_TEXTS.find((field) => body[field] !== undefined)
    if (stray !== undefined) throw invalid(stray, `${stray} is for texts, and input_ids are scored as they are: leave ${stray} out`)
    return { form: 'labels', row: labelledIdsOf(body, suffix) }
  }
  if (segments !== undefined) return { form: 'segments', segments }
  if (messages !== undefined) {
    const conversation = conversationOf(messages, body, { path: '', addGenerationPrompt: false })
    assertRoles(trainOn ?? [], conversation)
    return {
      form: 'messages',
      conversation,
      trainOn: mask === 'generation' ? [] : (trainOn ?? ['assistant']),
      mask
    }
  }
  if (x === undefined) throw invalid('x', 'x is missing: send the prompt, or an empty text')
  if (y === undefined) throw invalid('y', 'y is missing: send the completion to train')
  return { form: 'pair', x, y, boundary: boundary ?? 'auto' }
}

function invalid(param: string, message: string): ServiceError {
  return new ServiceError('invalid_request', message, { param })
}
