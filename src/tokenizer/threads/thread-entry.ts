/** The tokenizer thread: loads one tokenizer, then answers requests in order. */

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { serviceErrorFrom } from '../../errors.ts'
import { collectGarbage } from '../../process/collect-garbage.ts'
import { lowerPriority } from '../../process/lower-priority.ts'
import { textOfWindow } from '../detokenize.ts'
import { type HuggingFaceTokenizer, loadHuggingFaceTokenizer } from '../hugging-face.ts'
import type { FromTokenizer, TokenizerThreadData, ToTokenizer } from './thread-messages.ts'

function answer(message: FromTokenizer): void {
  parentPort?.postMessage(message)
}

function fail(id: number | null, thrown: unknown): void {
  const { code, message, param, cause } = serviceErrorFrom(thrown)
  // Add the cause only to a failed start: the cause of a later error may quote a text.
  answer({ kind: 'failed', id, code, param, message: id === null ? `${message} ${cause === undefined ? '' : String(cause)}`.trim() : message })
}

function respond(tokenizer: HuggingFaceTokenizer, request: ToTokenizer): void {
  try {
    if (request.kind === 'chat') {
      answer({ kind: 'chat_encoded', id: request.id, chat: tokenizer.encodeChat(request.conversation, request.maxTokens) })
    } else if (request.kind === 'normalize') {
      answer({ kind: 'normalized', id: request.id, texts: request.texts.map((text) => tokenizer.normalize(text, request.parseSpecialTokens)) })
    } else if (request.kind === 'conversation') {
      answer({
        kind: 'conversation_encoded',
        id: request.id,
        conversation: tokenizer.encodeConversation(request.conversation, request.generatedRoles, request.maxTokens)
      })
    } else if (request.kind === 'answer') {
      answer({ kind: 'answer_encoded', id: request.id, answer: tokenizer.encodeAnswer(request.conversation, request.maxTokens) })
    } else if (request.kind === 'tokenize') {
      const { ids, warnings } = tokenizer.tokenize(request.input)
      answer({
        kind: 'tokenized',
        id: request.id,
        tokens: {
          ids: Int32Array.from(ids),
          warnings,
          spellingsJson: request.wantsSpellings ? new TextEncoder().encode(JSON.stringify(tokenizer.spellingsOf(ids))) : null
        }
      })
    } else if (request.kind === 'detokenize') {
      answer({ kind: 'detokenized', id: request.id, ...textOfWindow(tokenizer, request) })
    } else {
      const ids = request.texts.map((text) => Int32Array.from(tokenizer.encode(text, request.parseSpecialTokens, request.continues)))
      answer({ kind: 'encoded', id: request.id, ids })
    }
  } catch (error) {
    fail(request.id, error)
  }
}

/** SHA-256 of the files that a tokenizer is loaded from. */
function hashOfFiles(folder: string): string {
  const hash = createHash('sha256')
  const more = 'additional_chat_templates'
  const named = existsSync(join(folder, more)) ? readdirSync(join(folder, more)).filter((name) => name.endsWith('.jinja')) : []
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', ...named.sort().map((name) => join(more, name))]) {
    const path = join(folder, file)
    hash.update(existsSync(path) ? readFileSync(path) : 'absent')
  }
  return hash.digest('hex')
}

try {
  const { folder, niceness, withoutBytes, chatTemplate } = workerData as TokenizerThreadData
  lowerPriority(niceness)
  const tokenizer = await loadHuggingFaceTokenizer(folder, chatTemplate)
  // The parsed files are several times as large as the tokenizer.
  collectGarbage()
  parentPort?.on('message', (request: ToTokenizer) => respond(tokenizer, request))
  answer({
    kind: 'ready',
    info: tokenizer.info,
    description: tokenizer.description,
    tokenBytes: withoutBytes ? null : tokenizer.tokenBytes,
    filesSha256: hashOfFiles(folder)
  })
} catch (error) {
  fail(null, error)
}
