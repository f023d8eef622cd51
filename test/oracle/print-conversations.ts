/**
 * Encodes the requests of chat-requests.json and the conversations of conversations.json under every template of a
 * folder, for check_conversations.py. Arguments: the folder of the templates, a folder for the tokenizer, and the file
 * to write.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mock } from 'node:test'
import { type ConversationFields, conversationOf } from '../../src/encoding/conversation-input.ts'
import { ServiceError } from '../../src/errors.ts'
import { parseJsonLine } from '../../src/json/parse.ts'
import { encodeGenerations } from '../../src/loss/encode-generations.ts'
import { isTrained } from '../../src/scoring/loss/labels.ts'
import { type HuggingFaceTokenizer, loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import { bytesOfToken } from '../../src/tokenizer/token-bytes.ts'
import type { ChatMessage, Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import { contextOf } from '../support/logprob-items.ts'

type Request = ConversationFields & { readonly messages: readonly ChatMessage[] }

interface Encoded {
  readonly ids?: readonly number[]
  /** 1 for a token that `mask: "generation"` trains; absent if the template has no such blocks. */
  readonly mask?: readonly number[]
  readonly warnings?: readonly string[]
  readonly error?: string
}

const [folder = '', tokenizerFolder = '', output = ''] = process.argv.slice(2)
const { requests } = JSON.parse(readFileSync(join(tokenizerFolder, 'requests.json'), 'utf8')) as { requests: readonly string[] }
mock.timers.enable({ apis: ['Date'], now: new Date(2026, 1, 3, 14, 5, 6) })

const options = { eos: 'none', prefixToken: 'none', parseSpecialTokens: false, promptLossWeight: 0, reportedLoss: null } as const

function maskOf(tokenizer: HuggingFaceTokenizer, request: Request): readonly number[] | undefined {
  const chat = tokenizer.encodeConversation(conversationOf(request.messages, request, { path: '', addGenerationPrompt: false }), [])
  if (chat.generations === null || request.continue_final_message) return undefined
  const facade = { info: tokenizer.info, bytesOf: (id: number) => bytesOfToken(tokenizer.tokenBytes, id) } as Tokenizer
  const context = contextOf({ tokenizer: facade, vocabSize: tokenizer.info.vocabSize, maxModelLen: 1_000_000, prefixTokenId: null })
  return encodeGenerations(chat, options, context).reasons.map((reason) => (isTrained(reason) ? 1 : 0))
}

function encoded(tokenizer: HuggingFaceTokenizer, request: Request): Encoded {
  try {
    const conversation = conversationOf(request.messages, request, { path: '', addGenerationPrompt: false })
    const { ids, warnings } = tokenizer.tokenize({ conversation })
    const mask = maskOf(tokenizer, request)
    return { ids, ...(mask === undefined ? {} : { mask }), warnings: warnings.map(({ message }) => message) }
  } catch (error) {
    if (error instanceof ServiceError) return { error: error.message }
    throw error
  }
}

const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.jinja'))
const templates: Record<string, readonly Encoded[]> = {}
for (const file of files.sort()) {
  const tokenizer = await loadHuggingFaceTokenizer(tokenizerFolder, join(folder, file))
  templates[file] = requests.map((line) => encoded(tokenizer, parseJsonLine(line) as Request))
}
writeFileSync(output, JSON.stringify(templates))
