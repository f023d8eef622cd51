import { answerQuestions } from '../src/choice/evaluate.ts'
import { questionsOf, type RequestedQuestions } from '../src/choice/request.ts'
import { loadConfig } from '../src/config/load-config.ts'
import { ServiceError } from '../src/errors.ts'
import { startBackend } from '../src/serving/backend.ts'
import { askedExample } from './asked-example.ts'

const LABELS: RequestedQuestions = {
  x: 'The children ran down to the',
  choices: [' river.', ' parliament.', { name: 'town', texts: [' town.', ' village.'] }]
}
const OVERLAPPING: RequestedQuestions = { x: 'She said', choices: [' yes', ' yes sir'] }
const SCALE: RequestedQuestions = {
  x: 'It was a cold day. From one to three, how warm was it? It was',
  choices: [
    { name: '1', texts: [' one'], value: 1 },
    { name: '2', texts: [' two'], value: 2 },
    { name: '3', texts: [' three'], value: 3 }
  ],
  content_free: ['From one to three, how warm was it? It was']
}
const PAIRWISE: RequestedQuestions = {
  x: 'Where did the children run? A: {candidate_1} B: {candidate_2} The better answer is',
  candidates: ['They ran down to the river.', 'It was a cold day.'],
  choices: [' A', ' B'],
  order: 'both'
}
/** Number of decimals that agree on every machine in float32. */
const DECIMALS = 3

/** The generated blocks of docs/guides/choose.md by name, computed with the embedded model. */
export async function chooseBlocks(): Promise<Readonly<Record<string, string>>> {
  const silent = (): void => {}
  const backend = startBackend(loadConfig([], {}).config, { info: silent, warn: silent, error: silent })
  try {
    const { logprobEvaluator } = await backend.ready
    const block = async (body: RequestedQuestions): Promise<string> => {
      const { results } = await answerQuestions(questionsOf(body), { verify: 'standard', detail: 'summary', topLogprobs: 0 }, logprobEvaluator, {
        signal: AbortSignal.timeout(60_000)
      })
      const [answer] = results
      if (answer === undefined || answer instanceof ServiceError) throw new Error(`an example of docs/guides/choose.md failed: ${answer?.message}`)
      const { choices, checks, warnings: _, index: __, best, orders, ...numbers } = answer
      const lines = choices.map(({ index: _index, ...choice }) => `    ${line(choice)}`).join(',\n')
      const ordered = orders?.map(({ order, best: own, margin, mass }) => `    ${line({ order, best: own, margin, mass })}`).join(',\n')
      const ordersLine = ordered === undefined ? '' : `  "orders": [\n${ordered}\n  ],\n`
      return askedExample(
        '/v1/choose',
        body,
        `{\n  "best": ${JSON.stringify(best)},\n  "choices": [\n${lines}\n  ],\n${ordersLine}  ${line({ ...numbers, checks: { verdict: checks.verdict } }).slice(2, -2)}\n}`
      )
    }
    return { labels: await block(LABELS), overlapping: await block(OVERLAPPING), scale: await block(SCALE), pairwise: await block(PAIRWISE) }
  } finally {
    await backend.close()
  }
}

function line(value: object): string {
  // The mass is small, so that it gets significant digits.
  const text = JSON.stringify(
    value,
    (key, each: unknown) => (isFraction(each) ? Number(key === 'mass' ? each.toPrecision(2) : each.toFixed(DECIMALS)) : each),
    1
  )
  return text.replaceAll(/\n */g, ' ')
}

function isFraction(value: unknown): value is number {
  return typeof value === 'number' && !Number.isInteger(value)
}
