import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { type ConversationFields, conversationOf, MESSAGE_OPTIONS } from '../../encoding/conversation-input.ts'
import { assertWellFormed } from '../../encoding/well-formed.ts'
import { ServiceError } from '../../errors.ts'
import type { TokenizedText, TokenizeInput, TokenizerDescription } from '../../tokenizer/tokenizer.ts'
import { sendJson } from '../json-stream.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import {
  DETOKENIZE_REQUEST,
  DETOKENIZE_RESPONSE,
  type DetokenizeBody,
  TOKENIZE_REQUEST,
  TOKENIZE_RESPONSE,
  TOKENIZER_INFO_QUERY,
  TOKENIZER_INFO_RESPONSE,
  type TokenizeBody,
  type TokenizerInfoQuery
} from '../schemas/tokenize.ts'
import type { ScoringRequests } from '../scoring-requests.ts'
import { selectModelId } from '../select-model.ts'
import type { ServedModels, TokenizingModel } from '../served-models.ts'

/** Converts text to token ids and back in vLLM's format. Neither waits for the engine or for queued scoring work. */
export const tokenizeRoutes: FastifyPluginAsync<{ models: ServedModels; requests: ScoringRequests }> = async (app, { models, requests }) => {
  const selectTokenizer = async (request: FastifyRequest<{ Body: { readonly model?: string | null } }>): Promise<TokenizingModel> => {
    const id = selectModelId(models, request.body.model ?? undefined)
    request.log = request.log.child({ model: id })
    return models.tokenizing(id)
  }

  app.post<{ Body: TokenizeBody }>(
    '/tokenize',
    {
      schema: {
        operationId: 'tokenize',
        summary: 'Convert a text or a conversation to token ids',
        description: 'In the format of vLLM. A text is tokenized as POST /v1/completions does it, a conversation as its chat template renders it.',
        tags: ['Models'],
        body: TOKENIZE_REQUEST,
        response: {
          200: response('The token ids.', TOKENIZE_RESPONSE),
          ...errorResponses([...ERRORS.model, 'invalid_text', 'context_length_exceeded', 'chat_template_failed'])
        }
      }
    },
    async (request, reply) => {
      const terms = requests.terms(request)
      const input = tokenizeInputOf(request.body)
      const { tokenizer, maxModelLen } = await selectTokenizer(request)
      const tokenized = await tokenizer.tokenize(input, request.body.return_token_strs === true, terms)
      const warnings = [...unusedOptions(request.body), ...warningsOf(input, tokenizer.description), ...tokenized.warnings.map(({ message }) => message)]
      return sendJson(reply, tokenizedParts(tokenized, maxModelLen, warnings))
    }
  )

  app.post<{ Body: DetokenizeBody }>(
    '/detokenize',
    {
      schema: {
        operationId: 'detokenize',
        summary: 'Convert token ids to text',
        description: 'In the format of vLLM.',
        tags: ['Models'],
        body: DETOKENIZE_REQUEST,
        response: { 200: response('The text.', DETOKENIZE_RESPONSE), ...errorResponses([...ERRORS.model, 'token_out_of_range']) }
      }
    },
    async (request) => {
      const terms = requests.terms(request)
      const { tokens } = request.body
      if (tokens.length > MAX_DETOKENIZED)
        throw new ServiceError('invalid_request', `tokens has ${tokens.length} ids; the limit is ${MAX_DETOKENIZED}: split the request`, { param: 'tokens' })
      const { tokenizer } = await selectTokenizer(request)
      const { vocabSize } = tokenizer.description
      const invalidId = tokens.find((id) => id < 0 || id >= vocabSize)
      if (invalidId !== undefined)
        throw new ServiceError('token_out_of_range', `tokens has the id ${invalidId}; the ids of this tokenizer are 0 to ${vocabSize - 1}`, { param: 'tokens' })
      return { prompt: await tokenizer.detokenize(tokens, terms) }
    }
  )
}

/** Ids of one request to POST /detokenize. */
const MAX_DETOKENIZED = 1_048_576
/** Ids that are written at once. */
const IDS_PER_PART = 8192

/** The response of POST /tokenize in parts, so that a million ids do not block the event loop. */
function* tokenizedParts({ ids, spellingsJson }: TokenizedText, maxModelLen: number, warnings: readonly string[]): Generator<Buffer | string> {
  yield `{"count":${ids.length},"max_model_len":${maxModelLen},"tokens":[`
  for (let start = 0; start < ids.length; start += IDS_PER_PART) yield `${start === 0 ? '' : ','}${ids.subarray(start, start + IDS_PER_PART).join()}`
  yield '],"token_strs":'
  yield spellingsJson === null ? 'null' : Buffer.from(spellingsJson.buffer, spellingsJson.byteOffset, spellingsJson.byteLength)
  if (warnings.length > 0) yield `,"warnings":${JSON.stringify(warnings)}`
  yield '}'
}

/** Warns of fields that only conversations have. Clients of vLLM may send them with a prompt, so they are no error. */
function unusedOptions(body: TokenizeBody): string[] {
  if (body.prompt === undefined) return []
  const unused = [...MESSAGE_OPTIONS, 'chat_template' as const].filter((field) => (body[field] ?? null) !== null)
  return unused.map((field) => `${field} is for messages and has no effect on a prompt`)
}

/** Warns of tokens around the text that transformers adds or leaves out, if they were asked for. */
function warningsOf(input: TokenizeInput, { transformersNotes }: TokenizerDescription): string[] {
  if (!('text' in input) || !input.addSpecialTokens) return []
  return transformersNotes.filter(({ concerns }) => concerns === 'added_tokens').map(({ message }) => message)
}

/** Describes a tokenizer, so that a client can use POST /tokenize in place of a local tokenizer. */
export const tokenizerInfoRoutes: FastifyPluginAsync<{ models: ServedModels; isEnabled: boolean }> = async (app, { models, isEnabled }) => {
  app.get<{ Querystring: TokenizerInfoQuery }>(
    '/tokenizer_info',
    {
      schema: {
        operationId: 'tokenizerInfo',
        summary: 'Get the special tokens, chat template and context length of a tokenizer',
        description: 'In the format of vLLM, for clients without a local tokenizer. 404 where the service does not show it (tokenizer-info false).',
        tags: ['Models'],
        querystring: TOKENIZER_INFO_QUERY,
        response: {
          200: response('The description of the tokenizer.', TOKENIZER_INFO_RESPONSE),
          ...errorResponses([...ERRORS.listing, 'not_found', 'model_not_found'])
        }
      }
    },
    async ({ query }) => {
      if (!isEnabled) throw new ServiceError('not_found', 'GET /tokenizer_info is disabled on this service (tokenizer-info false); POST /tokenize still works')
      return tokenizerInfoJson(await models.tokenizing(selectModelId(models, query.model)))
    }
  )
}

function tokenizerInfoJson({ id, maxModelLen, tokenizer: { description } }: TokenizingModel): object {
  return {
    model: id,
    tokenizer_class: description.tokenizerClass,
    bos_token: description.beginToken,
    eos_token: description.endToken,
    pad_token: description.padToken,
    unk_token: description.unknownToken,
    sep_token: description.separatorToken,
    cls_token: description.classToken,
    mask_token: description.maskToken,
    additional_special_tokens: description.additionalSpecialTokens,
    added_tokens_decoder: Object.fromEntries(description.addedTokens.map(({ id, content, special }) => [id, { content, special }])),
    vocab_size: description.vocabSize,
    model_max_length: description.modelMaxLength,
    max_model_len: maxModelLen,
    chat_template: description.chatTemplate,
    transformers_notes: description.transformersNotes.map(({ message }) => message)
  }
}

/** The input of POST /tokenize. Throws `invalid_request` or `invalid_text` with the field at fault. */
export function tokenizeInputOf(body: TokenizeBody): TokenizeInput {
  const { prompt, add_special_tokens } = body
  const messages = body.messages as ConversationFields['messages']
  if ((prompt === undefined) === (messages === undefined))
    throw new ServiceError('invalid_request', 'send exactly one of prompt (a text) and messages (a conversation)', {
      param: prompt === undefined ? 'prompt' : 'messages'
    })
  if (prompt !== undefined) {
    assertWellFormed(prompt, 'prompt')
    return { text: prompt, addSpecialTokens: add_special_tokens ?? true }
  }
  if (add_special_tokens === true) {
    throw new ServiceError('invalid_request', 'add_special_tokens is for prompt only; in messages the chat template adds the special tokens: omit it', {
      param: 'add_special_tokens'
    })
  }
  if (typeof body.chat_template === 'string' && body.chat_template !== '')
    throw new ServiceError(
      'invalid_request',
      'chat_template is not supported, because messages are rendered by the chat template of the model: omit it, or start logpr with --chat-template',
      { param: 'chat_template' }
    )
  return { conversation: conversationOf(messages ?? [], body as ConversationFields, { path: '', addGenerationPrompt: true }) }
}
