import assert from 'node:assert/strict'
import { type LogprobResultBody, logprobBody } from '../support/logprob-body.ts'
import type { RunningService } from '../support/running-service.ts'
import type { LogProbs } from './oracle.ts'

/** Scores of a model's texts, requested one by one and all at once. */
export interface Answers {
  /** Per text, the log-probability of every token after the first, nats. */
  readonly alone: LogProbs
  readonly batched: LogProbs
  /** Worst verdict of the checks, including those of the deep verification. */
  readonly verdict: string
  /** Checks that did not pass, for people. */
  readonly remarks: readonly string[]
}

/** Index of the text with deep verification; it has medium length. */
const DEEP_TEXT = 4
const VERDICTS = ['pass', 'warn', 'fail']

/** Scores texts of ids that start with the prefix token, which must be the one that the service adds. */
export async function askAll(service: RunningService, texts: Texts): Promise<Answers> {
  const alone: LogprobResultBody[] = []
  for (const [i, text] of texts.entries()) alone.push(...(await ask(service, [text], i === DEEP_TEXT % texts.length ? 'deep' : 'standard')))
  const batched = await ask(service, texts, 'standard')

  const checks = [...alone, ...batched].map((result) => result.checks)
  const verdict = checks.reduce((worst, { verdict: next }) => (VERDICTS.indexOf(next) > VERDICTS.indexOf(worst) ? next : worst), 'pass')
  const remarks = checks.flatMap(({ items }) => items.filter(({ status }) => status === 'warn' || status === 'fail').map(({ id }) => id))
  return { alone: logProbsOf(alone, texts), batched: logProbsOf(batched, texts), verdict, remarks: [...new Set(remarks)] }
}

type Texts = readonly (readonly number[])[]

/** x is the first half of a text and y the rest; a text of one token has an empty x. */
async function ask(service: RunningService, texts: Texts, verify: string): Promise<readonly LogprobResultBody[]> {
  const pairs = texts.map(([, ...ids]) => ({ x: ids.slice(0, Math.floor(ids.length / 2)), y: ids.slice(Math.floor(ids.length / 2)) }))
  const response = await service.post('/v1/logprob', { pairs, boundary: 'tokens', detail: 'tokens', verify })
  assert.equal(response.status, 200, await response.clone().text())
  return (await logprobBody(response)).results
}

function logProbsOf(results: readonly LogprobResultBody[], texts: Texts): LogProbs {
  return results.map(({ tokens = [], error }, i) => {
    assert.equal(error, undefined)
    assert.deepEqual(
      tokens.map(({ id }) => id),
      texts[i]
    )
    return tokens.slice(1).map(({ log_prob: logProb }) => logProb ?? Number.NaN)
  })
}
