import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import { DETOKENIZE_REQUEST, type DetokenizeBody, TOKENIZE_REQUEST, type TokenizeBody } from '../schemas/tokenize-request.ts'
import { DETOKENIZE_RESPONSE, TOKENIZE_RESPONSE } from '../schemas/tokenize-response.ts'
import { selectModelId } from '../select-model.ts'
import type { Service, TokenizingModel } from '../service.ts'
import { tokenizeInputOf } from '../tokenize-input.ts'

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
      const { ids, pieces } = await tokenizer.tokenize(input, request.body.return_token_strs === true)
      return { count: ids.length, max_model_len: maxModelLen, tokens: [...ids], token_strs: pieces }
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
