/** The JSON Schema of one setting. */
export interface OptionSchema {
  readonly type: 'integer' | 'string' | 'boolean'
  readonly default: string | number | boolean
  readonly description: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
}

/** A flag of one command, which has no variable. */
export interface CommandFlag extends Omit<OptionSchema, 'default'> {
  /** Only shown: the command applies it. */
  readonly default?: string | number | boolean
  /** What stands for the value in the help: `TEXT`. */
  readonly placeholder?: string
  /** Whether the flag can be given several times. */
  readonly isRepeated?: true
}

/** The type of a setting with schema `S`. */
export type ValueOf<S> = S extends { readonly isRepeated: true }
  ? readonly string[]
  : S extends { readonly enum: readonly (infer V)[] }
    ? V
    : S extends { readonly type: 'integer' }
      ? number
      : S extends { readonly type: 'boolean' }
        ? boolean
        : string

export function text<const S extends { default: string; description: string }>(schema: S) {
  return { type: 'string', ...schema } as const satisfies OptionSchema
}

export function integer<const S extends { default: number; description: string; minimum?: number; maximum?: number }>(schema: S) {
  return { type: 'integer', ...schema } as const satisfies OptionSchema
}

/** A flag without a value means true; values are true, false and the words of `booleanOf` in load-config.ts. */
export function flag<const F extends boolean = false>(description: string, fallback: F = false as F) {
  return { type: 'boolean', default: fallback, description } as const satisfies OptionSchema
}

export function choice<const V extends string>(values: readonly V[], fallback: V, description: string) {
  return { type: 'string', enum: values, default: fallback, description } as const satisfies OptionSchema
}
