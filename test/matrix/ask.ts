import assert from 'node:assert/strict'
import { type LogprobResultBody, logprobBody } from '../support/logprob-body.ts'
import type { RunningService } from '../support/running-service.ts'
import type { LogProbs } from './oracle.ts'

/** Of one model: the numbers of its texts asked for one by one, and all at once. */
export interface Answers {
  /** Of each text the log-probability, nats, of every token after the first. */
  readonly alone: LogProbs
  readonly batched: LogProbs
  /** Worst verdict of the checks: those of a deep verification included. */
  readonly verdict: string
  /** Checks that did not pass, for a reader. */
  readonly remarks: readonly string[]
}

/** The text that is verified deeply; of middle length. */
const DEEP_TEXT = 4
const VERDICTS = ['pass', 'warn', 'fail']

/** Scores texts given as ids with the prefix token first; that token is added by the service and has to be the same. */
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

/** x is the first half of a text, y the rest; a text of one token has an empty x. */
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
