import { FairTurns } from './fair-turns.ts'
import type { QueuedRequest, QueuedWork } from './queued-work.ts'

/** The requests of one priority. Clients take fair turns by tokens, and so do the requests of each client. */
export class PriorityQueue {
  readonly #clients = new FairTurns<string>()
  readonly #requests = new Map<string, FairTurns<QueuedRequest>>()

  get isEmpty(): boolean {
    return this.#clients.isEmpty
  }

  add(request: QueuedRequest): void {
    const turns = this.#requests.get(request.client) ?? new FairTurns<QueuedRequest>()
    this.#requests.set(request.client, turns)
    turns.join(request)
    this.#clients.join(request.client)
  }

  /** It is the turn of this request. */
  serve(request: QueuedRequest): void {
    this.#clients.serve(request.client)
    this.#requests.get(request.client)?.serve(request)
  }

  charge(request: QueuedRequest, tokens: number): void {
    this.#clients.charge(request.client, tokens)
    this.#requests.get(request.client)?.charge(request, tokens)
  }

  /** The request has no more waiting work. */
  remove(request: QueuedRequest): void {
    const turns = this.#requests.get(request.client)
    if (turns === undefined) return
    turns.leave(request)
    if (!turns.isEmpty) return
    this.#requests.delete(request.client)
    this.#clients.leave(request.client)
  }

  /** All waiting work: one entry of each client in turn, and within a client one of each request in turn. */
  inTurn(): Iterable<QueuedWork> {
    return interleave(this.#clients.inOrder().map((client) => interleave((this.#requests.get(client)?.inOrder() ?? []).map(({ waiting }) => waiting))))
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
