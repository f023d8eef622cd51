import { elementAt } from '../element-at.ts'
import { bytesOfId } from '../encoding/token-text.ts'
import type { RowScores } from '../engine/engine.ts'
import { ServiceError } from '../errors.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { ChatRequest } from './chat-request.ts'
import { numberJson, promptLogprobsJson, promptLogprobsOf } from './choice.ts'
import type { EncodedChatPrompt } from './encode-prompts.ts'
import { spelledToken, tokenString } from './spelling.ts'
import { generatedScores, type PositionScores, positionScores } from './token-scores.ts'

/** The answer of POST /v1/chat/completions as JSON texts, which keep the order of keys that look like numbers. */
export interface ChatChoice {
  readonly choiceJson: string
  /** Null when it was not requested. */
  readonly promptLogprobsJson: string | null
  /** The tokens of the last message in the prompt, and the sum of their log-probabilities; null without echo. */
  readonly answer: { readonly start: number; readonly end: number; readonly log_prob: number | null } | null
}

/** `rows` are the scores from position `firstScored` on; null when nothing was computed. */
export function chatChoiceOf(prompt: EncodedChatPrompt, rows: RowScores | null, firstScored: number, request: ChatRequest, tokenizer: Tokenizer): ChatChoice {
  const { options, answerText } = request
  const { ids, answer } = prompt
  const scoresAt = (position: number): PositionScores | null =>
    rows === null || position < firstScored ? null : positionScores(rows, position - firstScored, elementAt(ids, position))
  const generated = options.maxTokens === 1 && rows !== null ? generatedScores(rows, ids.length - firstScored) : null
  const own = options.echo && answer !== null ? Array.from({ length: answer.end - answer.start }, (_, i) => scoresAt(answer.start + i)) : []
  const isScored = options.logprobs !== null && own.length > 0
  const scores = isScored ? own.map((each) => each ?? unscored()) : []
  const text = (options.echo ? answerText : '') + (generated === null ? '' : textOf(generated.token.id, tokenizer))
  const content = [...scores, ...(generated === null ? [] : [generated])].map((each) => contentEntryJson(each, request, tokenizer))
  const logprobs = options.logprobs === null ? 'null' : `{"content":[${content.join(',')}],"refusal":null}`
  return {
    choiceJson: `{"index":0,"message":{"role":"assistant","content":${JSON.stringify(text)},"refusal":null},"logprobs":${logprobs},"finish_reason":"length"}`,
    promptLogprobsJson:
      options.promptLogprobs === null
        ? null
        : promptLogprobsJson(
            promptLogprobsOf(
              Array.from(ids, (_, position) => scoresAt(position)),
              options.promptLogprobs,
              tokenizer
            )
          ),
    answer: options.echo && answer !== null ? { ...answer, log_prob: isScored ? scores.reduce((sum, { token }) => sum + token.logProb, 0) : null } : null
  }
}

function unscored(): never {
  throw new ServiceError(
    'no_prefix_token',
    'the last message begins with the first token of the sequence, which has no log-probability: put a message in front of it',
    { param: 'messages' }
  )
}

/** Without control tokens, which are in the log-probabilities only. */
function textOf(id: number, tokenizer: Tokenizer): string {
  return tokenizer.info.specials.has(id) ? '' : spelledToken(id, tokenizer).text
}

function contentEntryJson({ token, top }: PositionScores, { options }: ChatRequest, tokenizer: Tokenizer): string {
  const entry = ({ id, logProb }: PositionScores['token']): string =>
    `"token":${JSON.stringify(tokenString(tokenizer, id, options.tokensAsIds))},"logprob":${numberJson(logProb)},"bytes":[${bytesOfId(tokenizer, id, true).join()}]`
  const list = top.slice(0, options.logprobs ?? 0).map((each) => `{${entry(each)}}`)
  return `{${entry(token)},"top_logprobs":[${list.join(',')}]}`
}
