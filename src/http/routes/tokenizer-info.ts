import type { FastifyPluginAsync } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import { TOKENIZER_INFO_QUERY, type TokenizerInfoQuery } from '../schemas/tokenize-request.ts'
import { TOKENIZER_INFO_RESPONSE } from '../schemas/tokenize-response.ts'
import { selectModelId } from '../select-model.ts'
import type { Service, TokenizingModel } from '../service.ts'

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
