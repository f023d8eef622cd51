import type { Choice, ChoiceLogprobs, PromptLogprob } from './choice.ts'

/**
 * A choice as JSON text, written by hand: `JSON.stringify` of an object would put keys like "11" in rising order, where
 * clients take the first key for the prompt's own token, and drop the key "__proto__".
 */
export function choiceJson({ index, text, logprobs, promptLogprobs }: Choice): string {
  const prompt = promptLogprobs === null ? '' : `,"prompt_logprobs":${list(promptLogprobs, promptEntryJson)}`
  return `{"index":${index},"text":${JSON.stringify(text)},"logprobs":${logprobs === null ? 'null' : logprobsJson(logprobs)},"finish_reason":"length"${prompt}}`
}

function logprobsJson({ tokens, tokenLogprobs, topLogprobs, textOffset }: ChoiceLogprobs): string {
  return (
    `{"tokens":${JSON.stringify(tokens)},"token_logprobs":${list(tokenLogprobs, numberJson)},` +
    `"top_logprobs":${list(topLogprobs, (entry) => mapJson(entry, numberJson))},"text_offset":${JSON.stringify(textOffset)}}`
  )
}

function promptEntryJson(entry: ReadonlyMap<number, PromptLogprob>): string {
  return mapJson(
    entry,
    ({ logProb, rank, decodedToken }) => `{"logprob":${numberJson(logProb)},"rank":${rank},"decoded_token":${JSON.stringify(decodedToken)}}`
  )
}

/** In the order of the map. */
function mapJson<K extends string | number, V>(map: ReadonlyMap<K, V>, valueJson: (value: V) => string): string {
  return `{${Array.from(map, ([key, value]) => `${JSON.stringify(String(key))}:${valueJson(value)}`).join(',')}}`
}

function list<T>(values: readonly (T | null)[], json: (value: T) => string): string {
  return `[${values.map((value) => (value === null ? 'null' : json(value))).join(',')}]`
}

/** The shortest decimal that reads back as the same double. JSON would make null of what is not finite. */
function numberJson(value: number): string {
  if (!Number.isFinite(value)) throw new Error('a number that is not finite was about to be sent')
  return JSON.stringify(value)
}
