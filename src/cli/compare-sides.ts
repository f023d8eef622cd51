import type { Side, SideToken } from '../compare/side.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import { ServiceError } from '../errors.ts'
import { logprobOptionsOf } from '../logprob/request-options.ts'
import { PeerClient } from '../peer/peer-client.ts'
import { PeerError } from '../peer/peer-error.ts'
import type { PeerPosition } from '../peer/read-answer.ts'
import { scorePrompts } from '../peer/score-prompts.ts'
import { COMPARE_DEFAULTS, type COMPARE_FLAGS, type SideLetter } from './compare-flags.ts'
import { openModel } from './open-model.ts'
import { keyIn, listedModel } from './peer-model.ts'

type Loaded = LoadedConfig<typeof COMPARE_FLAGS>

/** Statuses with which servers refuse one text, such as one that is too long for them. */
const TEXT_STATUSES: ReadonlySet<number> = new Set([400, 413, 422])

/**
 * Opens the side that `operand` names: a URL, a model, or when it is empty that of `--model`. Throws what `openModel`
 * and `listedModel` throw.
 */
export function openSide(operand: string, letter: SideLetter, loaded: Loaded, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Side> {
  return /^https?:\/\//.test(operand) ? openServer(operand, letter, loaded, env, signal) : openLocal(operand, letter, loaded, env)
}

async function openLocal(operand: string, letter: SideLetter, { config: shared, given: sharedGiven, own }: Loaded, env: NodeJS.ProcessEnv): Promise<Side> {
  const [precision, dtype] = [own[`precision-${letter}`], own[`dtype-${letter}`]]
  const config = {
    ...shared,
    MODEL: operand === '' ? shared.MODEL : operand,
    PRECISION: precision ?? shared.PRECISION,
    DTYPE: dtype ?? shared.DTYPE
  }
  const given = new Set([...sharedGiven, ...(precision === undefined ? [] : (['PRECISION'] as const)), ...(dtype === undefined ? [] : (['DTYPE'] as const))])
  const { model, close } = await openModel({ config, given }, env)
  const isPrefixed = own.prefix !== 'none'
  const policy = isPrefixed ? ({} as const) : ({ boundary: 'tokens', prefix_token: 'none' } as const)
  const options = logprobOptionsOf({ terms: ['conditional'], detail: 'tokens', top_logprobs: 1, ...policy })
  const { tokenizer } = model.context
  return {
    name: `${config.MODEL === '' ? 'the included model' : config.MODEL}, ${model.model.stamp.dtype}`,
    async score(texts, signal) {
      const place = { candidate: 0, id: null, param: { x: 'the line', y: 'the line' } }
      const sequences = isPrefixed ? null : (await tokenizer.encode([...texts], { parseSpecialTokens: false })).map((ids) => Array.from(ids))
      const items = texts.map((text, index) => {
        const ids = sequences?.[index]
        return { index, ...place, ...(ids === undefined ? { x: '', y: text } : { x: ids.slice(0, 1), y: ids.slice(1) }) }
      })
      const { outcomes } = await model.logprobEvaluator.evaluate(items, options, { signal })
      return Promise.all(
        outcomes.map(async (pending) => {
          const outcome = await pending
          if ('error' in outcome) return outcome.error
          return [...(outcome.tokens ?? [])]
            .filter(({ part }) => part !== 'prefix')
            .map(({ id, text, log_prob: logProb, top }): SideToken => ({ id, text, logProb, top: top?.[0] ?? null }))
        })
      )
    },
    close
  }
}

async function openServer(url: string, letter: SideLetter, { own }: Loaded, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Side> {
  const faults = (['precision', 'dtype'] as const).filter((flag) => own[`${flag}-${letter}`] !== undefined)
  if (faults.length > 0)
    throw new ServiceError('configuration_invalid', `--${faults[0]}-${letter} is of a model loaded here, and ${letter.toUpperCase()} is a server; leave it out`)
  const flag = `api-key-env-${letter}` as const
  const variable = own[flag]
  const options = {
    url,
    apiKey: variable === undefined ? null : keyIn(env, variable, flag),
    timeoutMs: own['timeout-ms'] ?? COMPARE_DEFAULTS.timeoutMs,
    concurrency: own.concurrency ?? COMPARE_DEFAULTS.concurrency
  }
  const named = { name: own[`served-model-${letter}`] ?? null, flag: `served-model-${letter}` }
  const { id } = await listedModel(new PeerClient({ ...options, model: null }), named, signal)
  const client = new PeerClient({ ...options, model: id })
  return {
    name: id === null ? url : `${url}, ${id}`,
    score: (texts, aborted) => Promise.all(texts.map((text) => scoreOnServer(client, text, aborted))),
    close: async () => {}
  }
}

async function scoreOnServer(client: PeerClient, text: string, signal: AbortSignal): Promise<SideToken[] | ServiceError> {
  try {
    const [scores] = await scorePrompts(client, [text], { topCount: 1, signal })
    return (scores?.positions ?? []).map(sideToken)
  } catch (error) {
    if (error instanceof PeerError && error.status !== null && TEXT_STATUSES.has(error.status))
      return new ServiceError('invalid_request', error.message, { cause: error })
    throw error
  }
}

/** Servers may add the token of the text to the list of top tokens. */
function sideToken({ id, token, logProb, top }: PeerPosition): SideToken {
  const best = (top ?? []).reduce<{ id: number | null; token: string | null; logProb: number } | null>(
    (most, other) => (most === null || other.logProb > most.logProb ? other : most),
    null
  )
  return { id, text: token, logProb, top: best === null ? null : { id: best.id, text: best.token } }
}
