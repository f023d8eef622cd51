/** The chat templates of a model, rendered as transformers renders them. */

import { existsSync, readFileSync } from 'node:fs'
import { ServiceError } from '../../errors.ts'
import { type JsonValue, Template } from '../../jinja/template.ts'
import { TemplateError } from '../../jinja/template-error.ts'
import type { Text } from '../../jinja/text.ts'
import { spellingOf } from '../pretrained-tokenizer.ts'
import type { ChatWarning, Conversation } from '../tokenizer.ts'
import { chatWarnings } from './chat-warnings.ts'
import { cutAtTag, taggedMessages } from './continued-message.ts'
import { preparedMessages, type TextSource, templateValues } from './template-values.ts'

type TokenizerConfig = Readonly<Record<string, unknown>>

/** Special tokens of tokenizer_config.json that a chat template can name. */
const TEMPLATE_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const

const MAX_MESSAGE_CHARACTERS = 500

/** A rendered conversation. */
export interface RenderedChat {
  /** The origin of a part is its index in `sources`; what the template writes and roles have none. */
  readonly text: Text
  /** The first ones are the contents of the messages, in order. */
  readonly sources: readonly TextSource[]
  /**
   * What `{% generation %}` blocks wrote, in UTF-16 units; null if the template has none, or none whose place is known.
   */
  readonly generations: readonly { readonly start: number; readonly end: number }[] | null
  readonly warnings: readonly ChatWarning[]
}

/** The chat template of a model, or the reason why it cannot be used. */
export class ChatTemplate {
  /** The source; null if the model has none, or several and none named default. */
  readonly source: string | null
  /** Why conversations cannot be rendered, for people; null if they can. */
  readonly fault: string | null
  readonly #template: Template | string
  /** The template for conversations with tools, if the model has one; or why it cannot be used. */
  readonly #toolTemplate: Template | string
  readonly #tokens: Readonly<Record<string, JsonValue>>

  /** Throws nothing: a model without a usable template still scores texts. */
  constructor(templates: ReadonlyMap<string, string>, config: TokenizerConfig) {
    this.source = templates.get('default') ?? null
    this.#tokens = tokensOf(config)
    const names = [...templates.keys()].join(', ')
    const absent =
      templates.size === 0
        ? 'this model has no chat template'
        : `this model has the chat templates ${names}, and none is named default: choose one with --chat-template`
    this.#template = this.source === null ? absent : readTemplate(this.source)
    this.fault = this.#template instanceof Template ? null : this.#template
    const toolSource = templates.get('tool_use')
    this.#toolTemplate = toolSource === undefined ? this.#template : readTemplate(toolSource)
  }

  /** Throws `chat_template_failed`. */
  render(conversation: Conversation): RenderedChat {
    // As in transformers, an empty list of tools chooses this template too.
    const template = conversation.tools === null ? this.#template : this.#toolTemplate
    if (!(template instanceof Template)) throw new ServiceError('chat_template_failed', template)
    const prepared = preparedMessages(conversation.messages)
    const { continuedField } = conversation
    const tagged = continuedField === null ? null : taggedMessages(prepared, continuedField, template.source)
    try {
      const { values, sources } = templateValues(conversation, tagged?.messages ?? prepared, this.#tokens)
      const { text: whole, generations } = template.render(values)
      const text = tagged === null ? whole : cutAtTag(whole, tagged.text)
      return {
        text,
        sources,
        generations: template.hasGenerations ? generations : null,
        warnings: chatWarnings(conversation, (name) => template.mentions(name), { text, sources })
      }
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      throw new ServiceError('chat_template_failed', failureMessage(error, hint(prepared, template)), { cause: error })
    }
  }
}

/** The template, or why logpr cannot render it. */
function readTemplate(source: string): Template | string {
  try {
    return new Template(source)
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    return error.kind === 'unsupported'
      ? `the chat template uses ${error.message}, which logpr cannot render exactly; render conversations yourself, or start with another template in --chat-template`
      : `the chat template is not valid Jinja: ${error.message}`
  }
}

/**
 * The template that a setting names: one of the model's, or a file. Throws `configuration_invalid` if there is neither,
 * or if it cannot be used.
 */
export function chosenTemplate(chosen: string, templates: ReadonlyMap<string, string>, config: TokenizerConfig): ChatTemplate {
  const source = templates.get(chosen) ?? (existsSync(chosen) ? readFileSync(chosen, 'utf8') : undefined)
  if (source === undefined) {
    const names = templates.size === 0 ? 'it has none' : `it has ${[...templates.keys()].join(', ')}`
    throw new ServiceError('configuration_invalid', `--chat-template ${chosen} is neither a file nor a template of the model (${names})`)
  }
  const template = new ChatTemplate(new Map([['default', source]]), config)
  if (template.fault !== null) throw new ServiceError('configuration_invalid', `--chat-template ${chosen}: ${template.fault}`)
  return template
}

/**
 * Messages of `raise_exception` are the template's; those of other errors name types and what the template spells, and
 * are followed by `advice`.
 */
function failureMessage({ kind, message }: TemplateError, advice: string): string {
  const [first, ...rest] = [...message]
  const text = rest.length < MAX_MESSAGE_CHARACTERS ? message : `${[first, ...rest.slice(0, MAX_MESSAGE_CHARACTERS - 1)].join('')}…`
  if (kind === 'raised') return `the chat template rejected these messages: ${text}`
  if (kind === 'unsupported') return `logpr cannot render these messages exactly, because the chat template uses ${text}`
  if (kind === 'limit') return `the chat template needs too much work for this conversation, because ${text}: send fewer messages and tools`
  return `the chat template failed on these messages, as it does in transformers: ${text}${advice}`
}

/** What OpenAI's clients send and many templates do not expect, to follow an error that names types only. */
function hint(messages: ReturnType<typeof preparedMessages>, template: Template): string {
  const inParts = messages.findIndex(({ content }) => Array.isArray(content))
  if (inParts >= 0 && !template.mentions('text'))
    return `. The content of messages/${inParts} is a list of parts, which this template does not read: send it as one text`
  const empty = messages.findIndex(({ content }) => content === undefined)
  return empty < 0 ? '' : `. messages/${empty} has no content, or null, which is the same: send "" if the template needs a text`
}

/** The special tokens as transformers hands them to a template, by name. */
function tokensOf(config: TokenizerConfig): Record<string, JsonValue> {
  const { extra_special_tokens: extra, additional_special_tokens: additional } = config
  const named = typeof extra === 'object' && extra !== null && !Array.isArray(extra) ? Object.entries(extra) : []
  const own = TEMPLATE_TOKENS.map((name) => [name, config[name]] as const)
  const spelled = [...own, ...named].flatMap(([name, token]) => {
    const spelling = spellingOf(token)
    return spelling === null || spelling === '' ? [] : [[name, spelling] as const]
  })
  const list = Array.isArray(additional) ? additional.map(spellingOf).filter((token) => token !== null) : []
  return { ...Object.fromEntries(spelled), ...(list.length > 0 ? { additional_special_tokens: list } : {}) }
}
