import { RadixTree } from './radix-tree.ts'

/** The sequences seen lately, without keys and values. A prefix is worth storing when it comes for the second time: most come once. */
export class SeenPrefixes {
  readonly #tree: RadixTree<null>

  /** Remembers so many tokens, common prefixes once; 0 remembers nothing. */
  constructor(maxTokens: number) {
    this.#tree = new RadixTree({ capacity: maxTokens, node: 0, token: 1 }, () => null)
  }

  get tokenCount(): number {
    return this.#tree.weight
  }

  /** How many leading tokens an earlier sequence had as well. */
  longest(ids: Int32Array): number {
    return this.#tree.find(ids, ids.length).length
  }

  /** How many leading tokens an earlier sequence had as well; then remembers this one. */
  note(ids: Int32Array): number {
    const path = this.#tree.find(ids, ids.length)
    this.#tree.extend(path, ids, ids.length, () => null)
    return path.length
  }
}
