/**
 * Renders every conversation with every template in a folder, and small cases, for check_chat_templates.py. Arguments:
 * the folder, which is searched for files `*.jinja`, and the file to write.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type JsonValue, Template, toValue } from '../../src/jinja/template.ts'
import { TemplateError } from '../../src/jinja/template-error.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { present } from '../support/present.ts'
import { templateCases } from './template-cases.ts'

interface Conversation {
  readonly messages: JsonValue
  readonly variables: Readonly<Record<string, JsonValue>>
}

const conversations = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test/oracle/conversations.json'), 'utf8')) as readonly Conversation[]
const folder = present(process.argv[2])

type Rendered = { readonly text: string } | { readonly error: string; readonly kind: string }

function attempt(render: () => string): Rendered {
  try {
    return { text: render() }
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.message, kind: error.kind }
    throw error
  }
}

function rendered(source: string, conversations: readonly Conversation[]): Rendered | readonly Rendered[] {
  let template: Template
  try {
    template = new Template(source)
  } catch (error) {
    if (error instanceof TemplateError) return { error: error.message, kind: error.kind }
    throw error
  }
  return conversations.map(({ messages, variables }) => {
    const given = { tools: null, documents: null, add_generation_prompt: false, bos_token: '<s>', eos_token: '</s>', ...variables, messages }
    return attempt(() => {
      const values = Object.entries(given).map(([name, value]) => [name, toValue(value, () => 0)] as const)
      return template.render(Object.fromEntries(values), new Date(2026, 1, 3, 14, 5, 6)).text.value
    })
  })
}

const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.jinja'))
const templates = files.sort().map((file) => ({ file, result: rendered(readFileSync(join(folder, file), 'utf8'), conversations) }))
const cases = templateCases().map((source) => ({ source, result: rendered(source, conversations.slice(0, 1)) }))
writeFileSync(present(process.argv[3]), JSON.stringify({ templates, cases }))
