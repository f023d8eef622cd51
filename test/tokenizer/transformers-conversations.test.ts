/** Conversations as transformers 5 encodes them: ids, and masks of `return_assistant_tokens_mask`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type ConversationFields, conversationOf } from '../../src/encoding/conversation-input.ts'
import { ServiceError } from '../../src/errors.ts'
import { parseJsonLine } from '../../src/json/parse.ts'
import { encodeGenerations } from '../../src/loss/encode-generations.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { isTrained } from '../../src/scoring/loss/labels.ts'
import { type HuggingFaceTokenizer, loadHuggingFaceTokenizer } from '../../src/tokenizer/hugging-face.ts'
import { bytesOfToken } from '../../src/tokenizer/token-bytes.ts'
import type { ChatMessage, Conversation, Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import { contextOf } from '../support/logprob-items.ts'
import { present } from '../support/present.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface Fixture {
  readonly config: object
  readonly added_tokens: readonly object[]
  readonly templates: readonly { readonly name: string; readonly source: string; readonly expected: readonly Expected[] }[]
}

type Expected = { readonly ids: readonly number[]; readonly mask?: readonly number[] } | { readonly error: string }

const read = (...path: string[]): string => readFileSync(join(PACKAGE_FOLDER, ...path), 'utf8')
const FIXTURE = JSON.parse(read('test', 'tokenizer', 'conversations.json')) as Fixture
const { pairs: REQUESTS } = parseJsonLine(read('test', 'oracle', 'chat-requests.json')) as { pairs: readonly Request[] }

type Request = ConversationFields & { readonly messages: readonly ChatMessage[] }

const MASKED = { eos: 'none', prefixToken: 'none', parseSpecialTokens: false, promptLossWeight: 0, reportedLoss: null } as const

/** The tokens that `mask: "generation"` trains. */
function maskOf(tokenizer: HuggingFaceTokenizer, conversation: Conversation): number[] {
  const facade = { info: tokenizer.info, bytesOf: (id: number) => bytesOfToken(tokenizer.tokenBytes, id) } as Tokenizer
  const context = contextOf({ tokenizer: facade, vocabSize: tokenizer.info.vocabSize, maxModelLen: 100_000, prefixTokenId: null })
  const { reasons } = encodeGenerations(tokenizer.encodeConversation(conversation, []), MASKED, context)
  return reasons.map((reason) => (isTrained(reason) ? 1 : 0))
}

for (const { name, source, expected } of FIXTURE.templates) {
  describe(`a template for ${name}`, () => {
    REQUESTS.forEach((request, i) => {
      const want = present(expected[i])
      const given = `request ${i} (${Object.keys(request).join(', ')}; ${request.messages.map(({ role }) => role).join(', ')})`
      test(`${given}: ${'error' in want ? 'is rejected, as in transformers' : 'has the ids and the mask of transformers'}`, async (t) => {
        const json = JSON.parse(read('models', 'logpr-tiny-en', 'tokenizer.json')) as { added_tokens: object[] }
        const folder = tempFolder(t, {
          'tokenizer.json': JSON.stringify({ ...json, added_tokens: [...json.added_tokens, ...FIXTURE.added_tokens] }),
          'tokenizer_config.json': JSON.stringify({ ...FIXTURE.config, chat_template: source })
        })
        const tokenizer = await loadHuggingFaceTokenizer(folder)
        const encode = (): { conversation: Conversation; ids: readonly number[] } => {
          const conversation = conversationOf(request.messages, request, { path: '', addGenerationPrompt: false })
          return { conversation, ids: tokenizer.tokenize({ conversation }).ids }
        }
        if ('error' in want) return assert.throws(encode, (error) => error instanceof ServiceError)
        const { conversation, ids } = encode()
        assert.deepEqual(ids, want.ids)
        if (want.mask !== undefined) assert.deepEqual(maskOf(tokenizer, conversation), want.mask)
      })
    })
  })
}
