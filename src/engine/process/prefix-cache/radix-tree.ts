import { commonLength } from '../../packed-row.ts'

/** Capacity of a tree, the cost of a node and that of each token of its run, in any one unit. */
interface Bound {
  readonly capacity: number
  readonly node: number
  readonly token: number
}

/** A run of at least one token, and its payload. */
interface RadixNode<Payload> {
  ids: Int32Array
  payload: Payload
  parent: RadixNode<Payload> | null
  /** By the first token of their run, which differs between siblings. */
  readonly children: Map<number, RadixNode<Payload>>
}

/** The nodes that spell a prefix, in order. All runs but the last are taken whole. */
interface Path<Payload> {
  readonly steps: readonly Step<Payload>[]
  /** Tokens in total. */
  readonly length: number
}

interface Step<Payload> {
  readonly node: RadixNode<Payload>
  /** How many tokens of its run belong to the prefix, at least one. */
  readonly taken: number
}

/**
 * Token sequences with each common prefix once, within a capacity. The least recently used run is evicted first. It is
 * always a leaf: using a node also uses its ancestors after it, so no node is older than its children.
 */
export class RadixTree<Payload> {
  readonly #bound: Bound
  readonly #cut: (payload: Payload, from: number, to: number) => Payload
  readonly #root: RadixNode<Payload>
  /** All nodes but the root, least recently used first: a Set iterates in insertion order. */
  readonly #byUse = new Set<RadixNode<Payload>>()
  #weight = 0
  #evictedTokens = 0

  /**
   * `cut` returns the payload of tokens `from .. to - 1` of a run; it is called when sequences diverge inside a run.
   */
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

  /** The longest stored prefix of ids, at most `limit` tokens. The path is valid until the tree changes. */
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
   * Adds tokens of ids after a path that was just found, up to token `end`, and marks all of them as used. Returns how
   * many were added. A run that fits into the capacity together with its path is stored whole, and evicts whatever else
   * is in the way, but never the path. A longer one is stored until it and its path take half of the capacity, so that
   * one long text does not empty the cache, or as far as there is free space, whichever is more.
   */
  extend(path: Path<Payload>, ids: Int32Array, end: number, payloadOf: (from: number, to: number) => Payload): number {
    this.use(path)
    const { capacity, node, token } = this.#bound
    const [from, wanted] = [path.length, end - path.length]
    const last = path.steps.at(-1)
    const needsSplit = last !== undefined && last.taken < last.node.ids.length
    const held = path.steps.length * node + path.length * token
    const whole = node + wanted * token
    const free = capacity - this.#weight - (needsSplit ? node : 0)
    const room = held + whole <= capacity ? whole : Math.max(free, Math.min(whole, capacity / 2 - held))
    if (wanted <= 0 || room < node + token) return 0

    const parent = needsSplit ? this.#split(last.node, last.taken) : (last?.node ?? this.#root)
    this.#evictUntil(capacity - room)
    const count = Math.min(wanted, Math.floor((capacity - this.#weight - node) / token))
    const leaf: RadixNode<Payload> = { ids: ids.slice(from, from + count), payload: payloadOf(from, from + count), parent, children: new Map() }
    this.#attach(leaf, parent)
    this.#weight += this.#weightOf(leaf)
    this.#touch(leaf)
    return count
  }

  /**
   * Evicts least recently used runs until the tree weighs at most `weight`. Never reaches the path in use, which was
   * used last.
   */
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

  /** Splits a run. Returns the node of its first `length` tokens, which counts as used after the node of the others. */
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
