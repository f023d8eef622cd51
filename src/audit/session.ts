import { elementAt } from '../element-at.ts'
import type { PeerClient, PeerPrompt, PeerRequest } from '../peer/peer-client.ts'
import { PeerError } from '../peer/peer-error.ts'
import type { PeerPosition } from '../peer/read-answer.ts'
import { examineAnswer } from './answer-checks.ts'
import type { CheckId, RequestBody, Tallies, Tally } from './result.ts'

/** The scores of one prompt. */
export interface Scored {
  readonly prompt: PeerPrompt
  /** The tokens of the prompt, the first one included. */
  readonly positions: readonly PeerPosition[]
  /** The token generated after it; null when the server shows none. */
  readonly generated: PeerPosition | null
  /** The request, which may have more prompts. */
  readonly body: RequestBody
}

/** What a server was found to take. */
export interface Abilities {
  readonly form: PeerRequest['form']
  readonly topCount: number
  readonly tokensAsIds: boolean
}

export interface SessionOptions {
  readonly client: PeerClient
  readonly tallies: Tallies
  readonly abilities: Abilities
  /** Largest difference of one log-probability, in nats, that rounding may cause. */
  readonly tolerance: number
  /** Requests that the concurrency check sends at the same time. */
  readonly concurrency: number
  readonly signal: AbortSignal
}

/** Prompts that are kept for a comparison with a model. */
const MAX_SAMPLES = 8

/**
 * Sends the requests of the checks. Every answer is examined on its own; one that cannot be compared with others is
 * null.
 */
export class Session {
  readonly options: SessionOptions
  #tokenCount = 0
  readonly #samples: Scored[] = []

  constructor(options: SessionOptions) {
    this.options = options
  }

  /** Prompt tokens of all usable answers so far. */
  get tokenCount(): number {
    return this.#tokenCount
  }

  /** Some prompts that were scored alone, and the longest one. */
  get samples(): readonly Scored[] {
    return this.#samples
  }

  tally(id: CheckId): Tally {
    return this.options.tallies[id]
  }

  /** Scores one prompt. */
  async scoreOne(prompt: PeerPrompt): Promise<Scored | null> {
    const [scored = null] = (await this.score([prompt])) ?? []
    return scored
  }

  #keep(scored: Scored): void {
    const last = this.#samples.at(-1)
    if (this.#samples.length < MAX_SAMPLES) this.#samples.push(scored)
    else if (last !== undefined && scored.positions.length > last.positions.length) this.#samples[MAX_SAMPLES - 1] = scored
  }

  /**
   * Scores prompts in one request. Null when the server refuses it, with the reason as a note of `refusals`. A status
   * of 500 and above is a finding of `response`, unless `isTrial`: some servers fail on what they do not take.
   */
  async score(
    prompts: readonly PeerPrompt[],
    { refusals = this.tally('response'), isTrial = false }: { readonly refusals?: Tally; readonly isTrial?: boolean } = {}
  ): Promise<readonly (Scored | null)[] | null> {
    const { client, abilities, signal } = this.options
    const request: PeerRequest = { ...abilities, prompts, maxTokens: 1 }
    const body = client.bodyOf(request)
    try {
      const answer = await client.complete(request, signal)
      this.tally('response').examined(1)
      return answer.choices.map((choice, i) => {
        const prompt = elementAt(prompts, i)
        const place = prompts.length === 1 ? '' : `prompt ${i} of ${prompts.length}: `
        const usable = examineAnswer(this.options.tallies, { answer, choice, prompt, request, body, place })
        if (usable === null) return null
        this.#tokenCount += usable.positions.length
        const scored = { prompt, body, ...usable }
        if (prompts.length === 1) this.#keep(scored)
        return scored
      })
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      const isRefusal = error.kind === 'refused' && error.status !== null && (isTrial || error.status < 500)
      if (isRefusal) refusals.note(error.message)
      else this.tally('response').find(error.message, [body])
      return null
    }
  }

  /** Compares the prompts of two answers; `names` says how each was scored, as in "alone". */
  compare(id: CheckId, first: Scored | null, second: Scored | null, compareOf: () => { compared: number; largest: number; fault: string | null }): void {
    const tally = this.tally(id)
    if (first === null || second === null) {
      tally.note('not every request got log-probabilities that can be compared')
      return
    }
    const { compared, largest, fault } = compareOf()
    tally.examined(compared, compared === 0 ? null : largest)
    if (fault !== null) tally.find(fault, first.body === second.body ? [first.body] : [first.body, second.body])
  }
}
