import { RadixTree } from './radix-tree.ts'

/** Bytes per node beside its ids; 530 were measured on the heap. */
const NODE_BYTES = 768
const ID_BYTES = 4

/**
 * Remembers recent sequences without keys and values. Most prefixes occur once, so one is cached at its second
 * occurrence.
 */
export class PrefixHistory {
  readonly #tree: RadixTree<null>

  /** `maxBytes` bounds `sizeBytes`; 0 remembers nothing. */
  constructor(maxBytes: number) {
    this.#tree = new RadixTree({ capacity: maxBytes, node: NODE_BYTES, token: ID_BYTES }, () => null)
  }

  get sizeBytes(): number {
    return this.#tree.weight
  }

  /** How many leading tokens `ids` has in common with an earlier sequence. */
  longest(ids: Int32Array): number {
    return this.#tree.find(ids, ids.length).length
  }

  /** Returns the same, then remembers `ids` as far as there is room. */
  note(ids: Int32Array): number {
    const path = this.#tree.find(ids, ids.length)
    this.#tree.extend(path, ids, ids.length, () => null)
    return path.length
  }
}
