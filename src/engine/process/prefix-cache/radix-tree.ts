import { commonLength } from '../../packed-row.ts'

/** What a tree holds in all, and what it costs: a node counts `node`, each token of its run `token` more. Any unit. */
export interface Bound {
  readonly capacity: number
  readonly node: number
  readonly token: number
}

/** A run of tokens, at least one, and what is kept for them. */
export interface RadixNode<Payload> {
  ids: Int32Array
  payload: Payload
  parent: RadixNode<Payload> | null
  /** By the first token of their run: no two begin alike. */
  readonly children: Map<number, RadixNode<Payload>>
}

/** The nodes that spell a prefix, from the first token on. All but the last are taken whole. */
export interface Path<Payload> {
  readonly steps: readonly Step<Payload>[]
  /** Tokens in all. */
  readonly length: number
}

export interface Step<Payload> {
  readonly node: RadixNode<Payload>
  /** How many tokens of its run, at least one. */
  readonly taken: number
}

/**
 * Token sequences with each common prefix once, bounded. Least recently used runs go first, and from the ends: a node is always
 * used later than its children, since whoever uses these uses it as well, so the node that was used first is a leaf.
 */
export class RadixTree<Payload> {
  readonly #bound: Bound
  readonly #cut: (payload: Payload, from: number, to: number) => Payload
  readonly #root: RadixNode<Payload>
  /** All nodes but the root, the least recently used first: a Set keeps the order in which its members came. */
  readonly #byUse = new Set<RadixNode<Payload>>()
  #weight = 0
  #evictedTokens = 0

  /** `cut` gives the payload of tokens `from .. to - 1` of a run alone; it is asked for when sequences part inside a run. */
  constructor(bound: Bound, cut: (payload: Payload, from: number, to: number) => Payload) {
    this.#bound = bound
    this.#cut = cut
    this.#root = { ids: new Int32Array(0), payload: undefined as Payload, parent: null, children: new Map() }
  }

  get weight(): number {
    return this.#weight
  }

  get nodeCount(): number {
    return this.#byUse.size
  }

  get evictedTokens(): number {
    return this.#evictedTokens
  }

  /** The longest prefix of ids that is here, at most `limit` tokens. Holds until the tree changes; changes nothing itself. */
  find(ids: Int32Array, limit: number): Path<Payload> {
    const end = Math.min(limit, ids.length)
    const steps: Step<Payload>[] = []
    let length = 0
    let node = this.#root
    while (length < end) {
      const next = node.children.get(ids[length]!)
      if (next === undefined) break
      const taken = commonLength(next.ids, ids.subarray(length, end))
      steps.push({ node: next, taken })
      length += taken
      if (taken < next.ids.length) break
      node = next
    }
    return { steps, length }
  }

  /** Marks a path as used. */
  use({ steps }: Path<Payload>): void {
    const last = steps.at(-1)
    if (last !== undefined) this.#touch(last.node)
  }

  /**
   * Adds what follows a path that was just found, up to token `end`, and marks all of it as used. Evicts others for it, never the path.
   * A run that fits beside nothing but its own path displaces all others. One that does not fit even so is stored until it and its path take
   * half of the capacity, so that one long text does not empty the cache, or as far as there is room in any case.
   * Returns how many tokens were added.
   */
  extend(path: Path<Payload>, ids: Int32Array, end: number, payloadOf: (from: number, to: number) => Payload): number {
    this.use(path)
    const { capacity, node, token } = this.#bound
    const [from, wanted] = [path.length, end - path.length]
    const last = path.steps.at(-1)
    const isParted = last !== undefined && last.taken < last.node.ids.length
    const held = path.steps.length * node + path.length * token
    const whole = node + wanted * token
    const free = capacity - this.#weight - (isParted ? node : 0)
    const room = held + whole <= capacity ? whole : Math.max(free, Math.min(whole, capacity / 2 - held))
    if (wanted <= 0 || room < node + token) return 0

    const parent = isParted ? this.#split(last.node, last.taken) : (last?.node ?? this.#root)
    this.#evictUntil(capacity - room)
    const count = Math.min(wanted, Math.floor((capacity - this.#weight - node) / token))
    const leaf: RadixNode<Payload> = { ids: ids.slice(from, from + count), payload: payloadOf(from, from + count), parent, children: new Map() }
    this.#attach(leaf, parent)
    this.#weight += this.#weightOf(leaf)
    this.#touch(leaf)
    return count
  }

  /** Evicts the least recently used until the rest weighs so much at most: never less than the path, which was used last of all. */
  #evictUntil(weight: number): void {
    for (const oldest of this.#byUse) {
      if (this.#weight <= weight) break
      this.#byUse.delete(oldest)
      oldest.parent?.children.delete(oldest.ids[0]!)
      this.#weight -= this.#weightOf(oldest)
      this.#evictedTokens += oldest.ids.length
    }
  }

  #weightOf({ ids }: RadixNode<Payload>): number {
    return this.#bound.node + ids.length * this.#bound.token
  }

  /** Cuts a run in two; returns the node of its first `length` tokens, used later than that of the others. */
  #split(lower: RadixNode<Payload>, length: number): RadixNode<Payload> {
    const { ids, payload, parent } = lower
    const upper: RadixNode<Payload> = { ids: ids.slice(0, length), payload: this.#cut(payload, 0, length), parent, children: new Map() }
    lower.ids = ids.slice(length)
    lower.payload = this.#cut(payload, length, ids.length)
    this.#attach(upper, parent ?? this.#root)
    this.#attach(lower, upper)
    this.#weight += this.#bound.node
    this.#touch(upper)
    return upper
  }

  #attach(child: RadixNode<Payload>, parent: RadixNode<Payload>): void {
    child.parent = parent
    parent.children.set(child.ids[0]!, child)
  }

  #touch(deepest: RadixNode<Payload>): void {
    for (let node: RadixNode<Payload> | null = deepest; node !== null && node !== this.#root; node = node.parent) {
      this.#byUse.delete(node)
      this.#byUse.add(node)
    }
  }
}
