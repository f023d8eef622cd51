import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync } from 'fastify'
import type { ChatChoice } from '../../completions/chat-choice.ts'
import { type ChatBody, type ChatRequest, chatRequestOf } from '../../completions/chat-request.ts'
import type { CompletionsAnswer } from '../../completions/evaluate.ts'
import { elementAt } from '../../element-at.ts'
import type { Warning } from '../../encoding/encoded-item.ts'
import { ignoredFields } from '../ignored-fields.ts'
import { sendJson } from '../json-stream.ts'
import { CHAT_REQUEST, CHAT_RESPONSE, type ChatRequestBody } from '../schemas/chat-completions.ts'
import { ERRORS, errorResponses } from '../schemas/error.ts'
import { response } from '../schemas/json-schema.ts'
import type { ScoringRequests } from '../scoring-requests.ts'
import type { ScoringModel } from '../served-models.ts'

const FIELDS: ReadonlySet<string> = new Set(Object.keys(CHAT_REQUEST.properties))

/** OpenAI's chat completions for scoring: a given answer is scored, and at most one token is generated. */
export const chatCompletionsRoutes: FastifyPluginAsync<{ requests: ScoringRequests }> = async (app, { requests }) => {
  app.post<{ Body: ChatRequestBody }>(
    '/v1/chat/completions',
    {
      onRequest: requests.refuseBeforeBody,
      schema: {
        operationId: 'scoreChatCompletions',
        summary: "Score the last message of a conversation in the format of OpenAI's and vLLM's chat completions",
        description: 'Generates one token at most. With echo, the last message is scored token by token.',
        tags: ['Scoring'],
        body: CHAT_REQUEST,
        response: {
          200: response('The scored message.', CHAT_RESPONSE),
          ...errorResponses([...ERRORS.scoring, 'no_prefix_token', 'boundary_not_exact', 'chat_template_failed'])
        }
      }
    },
    async (request, reply) => {
      const scoring = requests.model(request)
      const chat = chatRequestOf(request.body as ChatBody)
      const terms = requests.begin(request, reply, scoring, 1)
      const answer = await scoring.completionsEvaluator.evaluateChat(chat, terms)
      scoring.itemsScored(1)
      return sendJson(reply, responseParts(answer, [...continuationWarning(chat), ...ignoredFields(request.body, FIELDS)], scoring))
    }
  )
}

/** vLLM would start another message here, so a client that moves between the two should know. */
function continuationWarning({ continuesByDefault }: ChatRequest): Warning[] {
  if (!continuesByDefault) return []
  return [
    {
      code: 'final_message_continued',
      message:
        'the last message is from the assistant, so the rendering stops at the end of its content; vLLM would close it and begin another one. Send continue_final_message: true, or add_generation_prompt, to say which you mean'
    }
  ]
}

/** The response as JSON text: `prompt_logprobs` may have a million entries. */
function* responseParts(
  { choices, usage, checks, warnings }: CompletionsAnswer<ChatChoice>,
  more: readonly Warning[],
  { model }: ScoringModel
): Generator<string> {
  const { choiceJson, promptLogprobsJson, answer } = elementAt(choices, 0)
  const head = { id: `chatcmpl-${randomUUID()}`, object: 'chat.completion', created: Math.floor(Date.now() / 1000), model: model.id }
  yield `${JSON.stringify(head).slice(0, -1)},"choices":[${choiceJson}]`
  if (promptLogprobsJson !== null) {
    yield ',"prompt_logprobs":'
    yield promptLogprobsJson
  }
  yield `,${JSON.stringify({ usage, logpr: { answer, checks, warnings: [...warnings, ...more], stamp: model.stamp } }).slice(1)}`
}
