import { FairFinishes } from './fair-finishes.ts'
import { FairTurns } from './fair-turns.ts'
import type { QueuedRequest, QueuedWork } from './queued-work.ts'

/** The requests of one priority. Clients take fair turns by tokens; the requests of each finish in a fair order. */
export class PriorityQueue {
  readonly #clients = new FairTurns<string>()
  readonly #requests = new Map<string, FairFinishes<QueuedRequest>>()

  get isEmpty(): boolean {
    return this.#clients.isEmpty
  }

  add(request: QueuedRequest): void {
    const requests = this.#requests.get(request.client) ?? new FairFinishes<QueuedRequest>()
    this.#requests.set(request.client, requests)
    requests.join(request, request.tokens)
    this.#clients.join(request.client)
  }

  /** It is the turn of this client. */
  serve(client: string): void {
    this.#clients.serve(client)
  }

  /** The work becomes part of a batch, to which it adds `newTokens`. */
  charge({ request, tokenCount }: QueuedWork, newTokens: number): void {
    this.#clients.charge(request.client, newTokens)
    this.#requests.get(request.client)?.serve(tokenCount)
  }

  /** The request has no more waiting work. */
  remove(request: QueuedRequest): void {
    const requests = this.#requests.get(request.client)
    if (requests === undefined) return
    requests.leave(request)
    if (!requests.isEmpty) return
    this.#requests.delete(request.client)
    this.#clients.leave(request.client)
  }

  /** All waiting work: one entry of each client in turn, and within a client one request after the other. */
  inTurn(): Iterable<QueuedWork> {
    return interleave(this.#clients.inOrder().map((client) => (this.#requests.get(client)?.inOrder() ?? []).flatMap(({ waiting }) => waiting)))
  }
}

/** The first element of each source, then the second of each, until all are exhausted. */
function* interleave<T>(sources: readonly Iterable<T>[]): Generator<T> {
  let open = sources.map((source) => source[Symbol.iterator]())
  while (open.length > 0) {
    const stillOpen: Iterator<T>[] = []
    for (const iterator of open) {
      const next = iterator.next()
      if (next.done === true) continue
      stillOpen.push(iterator)
      yield next.value
    }
    open = stillOpen
  }
}
