import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import type { TokenizeInput } from '../../tokenizer/tokenizer.ts'
import { errorResponses } from '../schemas/error.ts'
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
import { selectModelId } from '../select-model.ts'
import type { Service, TokenizingModel } from '../served-model.ts'

/** Text to ids and back, in vLLM's shapes. Neither waits for the engine nor for texts that are to be scored. */
export const tokenizeRoutes: FastifyPluginAsync<{ service: Service }> = async (app, { service }) => {
  const tokenizing = async (request: FastifyRequest<{ Body: { readonly model?: string | null } }>): Promise<TokenizingModel> => {
    const id = selectModelId(service, request.body.model ?? undefined)
    request.log = request.log.child({ model: id })
    return service.tokenizing(id)
  }

  app.post<{ Body: TokenizeBody }>(
    '/tokenize',
    {
      schema: {
        operationId: 'tokenize',
        summary: 'The token ids of a text or a conversation',
        tags: ['Models'],
        body: TOKENIZE_REQUEST,
        response: { 200: response('The ids.', TOKENIZE_RESPONSE), ...errorResponses(400, 401, 404, 408, 413, 415, 422, 500, 503) }
      }
    },
    async (request) => {
      const input = tokenizeInputOf(request.body)
      const { tokenizer, maxModelLen } = await tokenizing(request)
      const { ids, spellings } = await tokenizer.tokenize(input, request.body.return_token_strs === true)
      return { count: ids.length, max_model_len: maxModelLen, tokens: [...ids], token_strs: spellings }
    }
  )

  app.post<{ Body: DetokenizeBody }>(
    '/detokenize',
    {
      schema: {
        operationId: 'detokenize',
        summary: 'The text of token ids',
        tags: ['Models'],
        body: DETOKENIZE_REQUEST,
        response: { 200: response('The text.', DETOKENIZE_RESPONSE), ...errorResponses(400, 401, 404, 408, 413, 415, 500, 503) }
      }
    },
    async (request) => {
      const { tokens } = request.body
      const { tokenizer } = await tokenizing(request)
      const { vocabSize } = tokenizer.description
      const bad = tokens.find((id) => id < 0 || id >= vocabSize)
      if (bad !== undefined)
        throw new ServiceError('token_out_of_range', `tokens holds token id ${bad}; this tokenizer's ids run from 0 to ${vocabSize - 1}`, { param: 'tokens' })
      return { prompt: await tokenizer.detokenize(tokens) }
    }
  )
}

/** Fields of vLLM that would change the rendering: to ignore them would answer with other ids than were asked for. */
const UNSUPPORTED = ['continue_final_message', 'chat_template', 'chat_template_kwargs', 'tools'] as const

/** What a body of POST /tokenize asks for. Throws `invalid_request` or `invalid_text`, naming the field. */
export function tokenizeInputOf(body: TokenizeBody): TokenizeInput {
  const { prompt, messages, add_special_tokens, add_generation_prompt = true } = body
  if ((prompt === undefined) === (messages === undefined))
    throw new ServiceError('invalid_request', 'send either prompt, a text, or messages, a conversation', {
      param: prompt === undefined ? 'prompt' : 'messages'
    })
  if (prompt !== undefined) {
    needWellFormed(prompt, 'prompt')
    return { text: prompt, addSpecialTokens: add_special_tokens ?? true }
  }
  if (add_special_tokens === true) {
    throw new ServiceError('invalid_request', 'add_special_tokens is for prompt: in messages the chat template writes the control tokens; leave it out', {
      param: 'add_special_tokens'
    })
  }
  for (const param of UNSUPPORTED) {
    if (isSet(body[param]))
      throw new ServiceError('invalid_request', `${param} is not supported: the conversation is rendered by the model's own chat template`, { param })
  }
  for (const [i, { role, content }] of (messages ?? []).entries()) for (const text of [role, content]) needWellFormed(text, `messages/${i}`)
  return { messages: messages ?? [], addGenerationPrompt: add_generation_prompt }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '' && (typeof value !== 'object' || Object.keys(value).length > 0)
}

function needWellFormed(text: string, param: string): void {
  if (text.isWellFormed()) return
  throw new ServiceError(
    'invalid_text',
    `${param} holds a lone surrogate (half of a UTF-16 pair), which no tokenizer can represent; check how the text was cut or decoded`,
    { param }
  )
}

/** What a client has to know of the tokenizer to use POST /tokenize in place of one of its own. */
export const tokenizerInfoRoutes: FastifyPluginAsync<{ service: Service }> = async (app, { service }) => {
  app.get<{ Querystring: TokenizerInfoQuery }>(
    '/tokenizer_info',
    {
      schema: {
        operationId: 'tokenizerInfo',
        summary: 'Control tokens, chat template and lengths of a tokenizer',
        tags: ['Models'],
        querystring: TOKENIZER_INFO_QUERY,
        response: { 200: response('The description.', TOKENIZER_INFO_RESPONSE), ...errorResponses(400, 401, 404, 500, 503) }
      }
    },
    async ({ query }) => {
      if (!service.config.TOKENIZER_INFO)
        throw new ServiceError('not_found', 'GET /tokenizer_info is switched off in this service (tokenizer-info false); POST /tokenize is not')
      return wireInfo(await service.tokenizing(selectModelId(service, query.model)))
    }
  )
}

function wireInfo({ id, maxModelLen, tokenizer: { description } }: TokenizingModel): object {
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
    chat_template: description.chatTemplate
  }
}
