/** The chat templates of a model folder, in files or in tokenizer_config.json. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ServiceError } from '../../errors.ts'

/**
 * Chat templates by name: those in files win over tokenizer_config.json, as in transformers. Empty if the model has
 * none. Throws `model_invalid` for a file that cannot be read.
 */
export function readChatTemplates(folder: string, config: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
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
