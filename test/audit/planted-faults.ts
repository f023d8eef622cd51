import type { CheckId } from '../../src/audit/result.ts'
import type { CompletionsBody, EchoedAnswer, EchoedChoice, PlantedFault } from '../support/faulty-peer.ts'
import { present } from '../support/present.ts'

/** What servers do wrong, and the check that must find it. */
export interface Planted {
  /** With the issue where a server did it, if there is one. */
  readonly name: string
  readonly check: CheckId
  readonly fault: PlantedFault
}

type Lists = NonNullable<EchoedChoice['logprobs']>

/** A fault that changes the lists of each choice in place. */
function inLists(change: (lists: Lists, choice: EchoedChoice, place: number) => void): PlantedFault {
  return (_, answer) => {
    for (const [place, choice] of answer.choices.entries()) if (choice.logprobs !== null) change(choice.logprobs, choice, place)
    return answer
  }
}

function dropAt({ tokens, token_logprobs, top_logprobs, text_offset }: Lists, start: number, count: number): void {
  for (const list of [tokens, token_logprobs, top_logprobs, text_offset]) list.splice(start, count)
}

/** Adds to the values of some rows, in both lists. */
function shiftRows({ token_logprobs, top_logprobs }: Lists, nats: number, isRow: (i: number) => boolean): void {
  for (const [i, value] of token_logprobs.entries()) {
    if (value === null || !isRow(i)) continue
    token_logprobs[i] = value - nats
    const top = top_logprobs[i] ?? {}
    for (const key of Object.keys(top)) top[key] = present(top[key]) - nats
  }
}

/** Takes rows from another answer: both lists. */
function takeRows(to: Lists, from: Lists, isRow: (i: number) => boolean): void {
  for (const i of to.token_logprobs.keys()) {
    if (!isRow(i) || from.token_logprobs[i] === undefined) continue
    to.token_logprobs[i] = present(from.token_logprobs[i])
    to.top_logprobs[i] = { ...from.top_logprobs[i], [present(to.tokens[i])]: present(from.token_logprobs[i]) }
  }
}

const isSingle = ({ prompt }: CompletionsBody): boolean => typeof prompt === 'string' || prompt.length === 1
const idsOf = ({ prompt }: CompletionsBody): number[] | null => (Array.isArray(prompt) && Array.isArray(prompt[0]) ? prompt[0] : null)
const listsOf = (answer: EchoedAnswer | undefined): Lists | null => answer?.choices[0]?.logprobs ?? null

export const PLANTED: readonly Planted[] = [
  { name: 'the generated token is missing (harness trap 1)', check: 'list_lengths', fault: inLists((lists) => dropAt(lists, lists.tokens.length - 1, 1)) },
  {
    name: 'the prompt is echoed and nothing is generated',
    check: 'list_lengths',
    fault: ({ prompt }, answer) => {
      for (const choice of answer.choices) {
        if (choice.logprobs !== null) dropAt(choice.logprobs, choice.logprobs.tokens.length - 1, 1)
        if (typeof prompt === 'string') choice.text = prompt
      }
      return answer
    }
  },
  {
    name: 'echo is ignored (llama.cpp#27174)',
    check: 'list_lengths',
    fault: inLists((lists) => dropAt(lists, 0, lists.tokens.length - 1))
  },
  {
    name: 'long prompts are truncated silently',
    check: 'list_lengths',
    fault: (body, answer, { honest }) => {
      const ids = idsOf(body)
      return ids === null || ids.length <= 64 ? answer : honest({ ...body, prompt: [ids.slice(-64)] })
    }
  },
  {
    name: 'max_tokens 0 gives one token too many',
    check: 'max_tokens_zero',
    fault: (body, answer, { honest }) => (body.max_tokens === 0 ? honest({ ...body, max_tokens: 1 }) : answer)
  },
  { name: 'the first token has 0.0', check: 'first_token', fault: inLists((lists) => lists.token_logprobs.splice(0, 1, 0)) },
  {
    name: 'a row has null (SGLang at the end of a cached prefix)',
    check: 'finite_log_probs',
    fault: inLists((lists) => lists.token_logprobs.splice(16, 1, null))
  },
  {
    name: 'a row has NaN (TGI with a prefix cache)',
    check: 'finite_log_probs',
    fault: (_, answer) => ({ body: JSON.stringify(answer).replace(/("token_logprobs":\[null,[^,\]]+,)[^,\]]+/, '$1NaN') })
  },
  { name: 'a log-probability above 0', check: 'at_most_zero', fault: inLists((lists) => lists.token_logprobs.splice(3, 1, 0.25)) },
  {
    name: '-9999 for tokens outside the top 5 (vLLM#10234)',
    check: 'placeholders',
    fault: inLists(({ tokens, token_logprobs, top_logprobs }) => {
      for (const [i, top] of top_logprobs.entries()) {
        const value = token_logprobs[i] ?? 0
        if (top === null || value >= Math.min(...Object.values(top).filter((other) => other !== value))) continue
        token_logprobs[i] = -9999
        top[present(tokens[i])] = -9999
      }
    })
  },
  {
    name: 'rows of a cached prefix have 0',
    check: 'placeholders',
    fault: inLists(({ token_logprobs }) => token_logprobs.fill(0, 1, Math.ceil(token_logprobs.length / 2)))
  },
  {
    name: 'the top tokens lack the most probable one',
    check: 'top_contains_token',
    fault: inLists(({ top_logprobs }) => {
      for (const top of top_logprobs) {
        const best = Object.entries(top ?? {}).reduce<[string, number]>((most, entry) => (entry[1] > most[1] ? entry : most), ['', Number.NEGATIVE_INFINITY])
        if (top !== null) delete top[best[0]]
      }
    })
  },
  {
    name: 'top_logprobs are logits, not log-probabilities',
    check: 'top_mass',
    fault: inLists((lists) => shiftRows({ ...lists, token_logprobs: [...lists.token_logprobs] }, -2, () => true))
  },
  {
    name: 'one list is rounded to float16',
    check: 'greedy_token',
    fault: inLists(({ token_logprobs }) => {
      for (const [i, value] of token_logprobs.entries()) if (value !== null) token_logprobs[i] = Math.round(value * 1024) / 1024
    })
  },
  { name: 'prompt_logprobs is [None] (vllm-metal#694)', check: 'lists_agree', fault: inPromptLogprobs((list) => list.fill(null)) },
  {
    name: 'a proxy in JavaScript has sorted the keys of prompt_logprobs',
    check: 'lists_agree',
    fault: (_, answer) => ({ body: answer })
  },
  { name: 'prompt_logprobs is one row late', check: 'lists_agree', fault: inPromptLogprobs((list) => list.splice(1, 1)) },
  {
    name: 'a row depends on the tokens behind it',
    check: 'causality',
    fault: inLists((lists) => shiftRows(lists, lists.tokens.length / 40, (i) => i > 0 && i < lists.tokens.length - 1))
  },
  {
    name: 'every row is one position late (llama-cpp-python#1983)',
    check: 'generation_agrees',
    fault: inLists(({ token_logprobs, top_logprobs }) => {
      const end = token_logprobs.length - 1
      for (const [list, empty] of [
        [token_logprobs, null],
        [top_logprobs, null]
      ] as const) {
        const generated = list[end]
        list.copyWithin(1, 2)
        list[end] = generated ?? empty
      }
    })
  },
  {
    name: 'the echo has a temperature of 2',
    check: 'generation_agrees',
    fault: inLists((lists) => {
      for (const [i, top] of lists.top_logprobs.entries()) {
        if (top === null || i === lists.tokens.length - 1) continue
        for (const key of Object.keys(top)) top[key] = present(top[key]) / 2 - 2.5
        lists.token_logprobs[i] = (lists.token_logprobs[i] ?? 0) / 2 - 2.5
      }
    })
  },
  {
    name: 'a text that was seen before gets rows of another one (vLLM#42019)',
    check: 'cold_equals_warm',
    fault: (body, answer, { seen }) => {
      const [lists, other] = [listsOf(answer), listsOf([...seen.values()].at(-1))]
      const isSeen = seen.has(JSON.stringify(body.prompt))
      if (lists !== null && other !== null && isSingle(body) && isSeen)
        takeRows(lists, other, (i) => i >= lists.tokens.length - 18 && i < lists.tokens.length - 2)
      return answer
    }
  },
  {
    name: 'a new text gets rows of the one before it',
    check: 'stale_rows',
    fault: (body, answer, { seen }) => {
      const [lists, other] = [listsOf(answer), listsOf([...seen.values()].at(-1))]
      const isNew = !seen.has(JSON.stringify(body.prompt))
      if (lists !== null && other !== null && isSingle(body) && isNew)
        takeRows(lists, other, (i) => i >= lists.tokens.length - 20 && i < lists.tokens.length - 1)
      return answer
    }
  },
  {
    name: 'short texts of a batch are padded on the left with tokens that are seen',
    check: 'batch_invariance',
    fault: async (body, answer, { honest }) => {
      if (isSingle(body) || typeof body.prompt === 'string') return answer
      const prompts = body.prompt as number[][]
      const longest = Math.max(...prompts.map(({ length }) => length))
      const padded = await honest({ ...body, prompt: prompts.map((ids) => [...new Array<number>(longest - ids.length).fill(5), ...ids]) })
      for (const [i, { logprobs }] of padded.choices.entries()) {
        const length = present(prompts[i]).length
        if (logprobs === null) continue
        dropAt(logprobs, 0, longest - length)
        logprobs.token_logprobs[0] = null
        logprobs.top_logprobs[0] = null
      }
      return { ...padded, usage: answer.usage }
    }
  },
  {
    name: 'a text is wrong behind a longer one of the same batch',
    check: 'order_invariance',
    fault: (_, answer) => {
      for (const [i, { logprobs }] of answer.choices.entries()) {
        const before = answer.choices[i - 1]?.logprobs
        if (logprobs !== null && before && before.tokens.length > logprobs.tokens.length) takeRows(logprobs, before, (row) => row >= 4 && row < 30)
      }
      return answer
    }
  },
  {
    name: 'the context is lost at 256 tokens (vLLM#53488 at 512)',
    check: 'length_boundaries',
    fault: async (body, answer, { honest }) => {
      const [ids, lists] = [idsOf(body), listsOf(answer)]
      if (ids === null || lists === null || ids.length <= 257) return answer
      const rest = listsOf(await honest({ ...body, prompt: [ids.slice(256)] }))
      for (let i = 257; i < lists.tokens.length; i++) {
        lists.token_logprobs[i] = present(rest?.token_logprobs[i - 256])
        lists.top_logprobs[i] = present(rest?.top_logprobs[i - 256])
      }
      return answer
    }
  },
  {
    name: 'the first row behind a chunk of 256 tokens is that of the row before',
    check: 'length_boundaries',
    fault: inLists((lists) => {
      if (lists.tokens.length > 258)
        takeRows(lists, { ...lists, token_logprobs: lists.token_logprobs.slice(1), top_logprobs: lists.top_logprobs.slice(1) }, (i) => i === 256)
    })
  },
  {
    name: 'a hidden token precedes a text, and not ids',
    check: 'text_equals_ids',
    fault: async (body, answer, { honest }) => {
      if (typeof body.prompt !== 'string') return answer
      const other = await honest({ ...body, prompt: `The opposite was true. ${body.prompt}` })
      const [lists, wanted] = [listsOf(other), listsOf(answer)]
      if (lists === null || wanted === null) return answer
      const added = lists.tokens.length - wanted.tokens.length
      takeRows(wanted, { ...lists, token_logprobs: lists.token_logprobs.slice(added), top_logprobs: lists.top_logprobs.slice(added) }, (i) => i > 0)
      return answer
    }
  },
  {
    name: 'requests in progress at the same time disturb each other (vLLM#51187)',
    check: 'concurrency_invariance',
    fault: (_, answer, { inFlight }) => {
      const lists = listsOf(answer)
      if (lists !== null && inFlight > 1) shiftRows(lists, 1.5, (i) => i % 7 === 3)
      return answer
    }
  },
  {
    name: 'a request of more than 200 tokens fails with 500',
    check: 'response',
    fault: (body, answer) => ((idsOf(body)?.length ?? 0) > 200 ? { status: 500, body: { error: { message: 'CUDA error: out of memory' } } } : answer)
  }
]

function inPromptLogprobs(change: (list: (Record<string, { logprob: number }> | null)[]) => void): PlantedFault {
  return (_, answer) => {
    for (const { prompt_logprobs: list } of answer.choices) if (list) change(list)
    return answer
  }
}
