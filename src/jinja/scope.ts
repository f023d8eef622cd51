import type { Value } from './values.ts'

/** Variables of a block. An assignment is seen in this block and those inside, and changes no outer variable. */
export class Scope {
  readonly #variables: Map<string, Value>
  readonly #outer: Scope | null

  constructor(outer: Scope | null, variables: Iterable<readonly [string, Value]> = []) {
    this.#outer = outer
    this.#variables = new Map(variables)
  }

  get(name: string): Value | undefined {
    const own = this.#variables.get(name)
    return own === undefined ? this.#outer?.get(name) : own
  }

  set(name: string, value: Value): void {
    this.#variables.set(name, value)
  }
}
