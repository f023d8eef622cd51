/** The chat templates of a model folder, rendered as transformers renders them. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ServiceError } from '../errors.ts'
import { type JsonValue, Template, toValue } from '../jinja/template.ts'
import { TemplateError } from '../jinja/template-error.ts'
import type { Text } from '../jinja/text.ts'
import { spellingOf } from './pretrained-tokenizer.ts'
import type { ChatMessage } from './tokenizer.ts'

type TokenizerConfig = Readonly<Record<string, unknown>>

/** Special tokens of tokenizer_config.json that a chat template can name. */
const TEMPLATE_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const

/** Origin of texts of a conversation that are not the content of a message. */
const OTHER_TEXT = -1

const MAX_MESSAGE_CHARACTERS = 500

/**
 * Chat templates by name: those in files win over tokenizer_config.json, as in transformers. Empty if the model has
 * none. Throws `model_invalid` for a file that cannot be read.
 */
export function readChatTemplates(folder: string, config: TokenizerConfig): ReadonlyMap<string, string> {
  const files = templateFiles(folder)
  if (files.size > 0) return files
  const given = config.chat_template
  if (typeof given === 'string') return new Map([['default', given]])
  return new Map((Array.isArray(given) ? given : []).flatMap(namedTemplate))
}

function templateFiles(folder: string): Map<string, string> {
  const found = new Map<string, string>()
  const own = join(folder, 'chat_template.jinja')
  const more = join(folder, 'additional_chat_templates')
  try {
    if (existsSync(own)) found.set('default', readFileSync(own, 'utf8'))
    const names = existsSync(more) ? readdirSync(more).filter((name) => name.endsWith('.jinja')) : []
    for (const name of names.sort()) found.set(basename(name, '.jinja'), readFileSync(join(more, name), 'utf8'))
  } catch (error) {
    throw new ServiceError(
      'model_invalid',
      `a chat template of ${basename(folder)} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error
      }
    )
  }
  return found
}

function namedTemplate(each: unknown): [string, string][] {
  if (typeof each !== 'object' || each === null || !('name' in each) || !('template' in each)) return []
  return typeof each.name === 'string' && typeof each.template === 'string' ? [[each.name, each.template]] : []
}

/** A chat template that was read, or the reason why it cannot be used. */
export class ChatTemplate {
  /** The source; null if the model has none, or several and none named default. */
  readonly source: string | null
  /** Why conversations cannot be rendered, for people; null if they can. */
  readonly fault: string | null
  readonly #template: Template | null
  readonly #tokens: Readonly<Record<string, JsonValue>>

  /** Throws nothing: a model without a usable template still scores texts. */
  constructor(templates: ReadonlyMap<string, string>, config: TokenizerConfig) {
    this.source = templates.get('default') ?? null
    this.#tokens = tokensOf(config)
    if (this.source === null) {
      this.#template = null
      this.fault =
        templates.size === 0
          ? 'this model has no chat template'
          : `this model has the chat templates ${[...templates.keys()].join(', ')}, and none is named default: choose one with --chat-template`
      return
    }
    const read = readTemplate(this.source)
    this.#template = read instanceof Template ? read : null
    this.fault = read instanceof Template ? null : read
  }

  /**
   * The rendered conversation. The origin of each part is the index of the message whose content it comes from; -1 for
   * other texts of the messages; none for what the template writes, and for roles. Throws `chat_template_failed`.
   */
  render(messages: readonly ChatMessage[], addGenerationPrompt: boolean): Text {
    if (this.#template === null) throw new ServiceError('chat_template_failed', this.fault ?? 'this model has no chat template')
    const variables = { ...this.#tokens, tools: null, documents: null, add_generation_prompt: addGenerationPrompt }
    try {
      const values = Object.entries(variables).map(([name, value]) => [name, toValue(value, () => null)] as const)
      const conversation = toValue(
        messages.map(({ role, content }) => ({ role, content })),
        sourceOf
      )
      return this.#template.render({ ...Object.fromEntries(values), messages: conversation }).text
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      throw new ServiceError('chat_template_failed', failureMessage(error), { cause: error })
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

/** Messages of `raise_exception` are the template's; those of other errors name types and what the template spells. */
function failureMessage({ kind, message }: TemplateError): string {
  const [first, ...rest] = [...message]
  const text = rest.length < MAX_MESSAGE_CHARACTERS ? message : `${[first, ...rest.slice(0, MAX_MESSAGE_CHARACTERS - 1)].join('')}…`
  if (kind === 'raised') return `the chat template rejected these messages: ${text}`
  if (kind === 'unsupported') return `logpr cannot render these messages exactly, because the chat template uses ${text}`
  return `the chat template failed on these messages, as it does in transformers: ${text}`
}

function sourceOf([index, field]: readonly (string | number)[]): number | null {
  if (field === 'role') return null
  return field === 'content' && typeof index === 'number' ? index : OTHER_TEXT
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
