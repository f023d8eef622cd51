import { FairTurns } from './fair-turns.ts'
import type { QueuedRequest, QueuedWork } from './job.ts'

/** Requests of one priority: clients in turns by tokens, and the requests of a client in turns within its own. */
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

  /** The turn has come to this request. */
  serve(request: QueuedRequest): void {
    this.#clients.serve(request.client)
    this.#requests.get(request.client)?.serve(request)
  }

  charge(request: QueuedRequest, tokens: number): void {
    this.#clients.charge(request.client, tokens)
    this.#requests.get(request.client)?.charge(request, tokens)
  }

  /** Nothing of the request waits any more. */
  remove(request: QueuedRequest): void {
    const turns = this.#requests.get(request.client)
    if (turns === undefined) return
    turns.leave(request)
    if (!turns.isEmpty) return
    this.#requests.delete(request.client)
    this.#clients.leave(request.client)
  }

  /** One piece of work of each client in turn, and of each request of a client in turn. */
  inTurn(): Iterable<QueuedWork> {
    return alternate(this.#clients.inOrder().map((client) => alternate((this.#requests.get(client)?.inOrder() ?? []).map(({ waiting }) => waiting))))
  }
}

/** The first of each source, then the second, until all are used up. */
function* alternate<T>(sources: readonly Iterable<T>[]): Generator<T> {
  let going = sources.map((source) => source[Symbol.iterator]())
  while (going.length > 0) {
    const more: Iterator<T>[] = []
    for (const iterator of going) {
      const next = iterator.next()
      if (next.done === true) continue
      more.push(iterator)
      yield next.value
    }
    going = more
  }
}
