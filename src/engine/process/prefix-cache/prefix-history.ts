import { RadixTree } from './radix-tree.ts'

/** Bytes of a run beside its ids; 530 were measured on the heap. */
const NODE_BYTES = 768
const ID_BYTES = 4

/** The sequences seen lately, without keys and values. A prefix is worth storing when it comes for the second time: most come once. */
export class PrefixHistory {
  readonly #tree: RadixTree<null>

  /** `maxBytes` bounds `sizeBytes`; 0 remembers nothing. */
  constructor(maxBytes: number) {
    this.#tree = new RadixTree({ capacity: maxBytes, node: NODE_BYTES, token: ID_BYTES }, () => null)
  }

  get sizeBytes(): number {
    return this.#tree.weight
  }

  /** How many leading tokens an earlier sequence had as well. */
  longest(ids: Int32Array): number {
    return this.#tree.find(ids, ids.length).length
  }

  /** The same; then remembers this one, as far as there is room. */
  note(ids: Int32Array): number {
    const path = this.#tree.find(ids, ids.length)
    this.#tree.extend(path, ids, ids.length, () => null)
    return path.length
  }
}
