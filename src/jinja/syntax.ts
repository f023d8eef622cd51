import type { Value } from './values.ts'

export type Expression =
  | { readonly kind: 'constant'; readonly value: Value }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list'; readonly items: readonly Expression[]; readonly isTuple: boolean }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'signed'; readonly operator: string; readonly operand: Expression }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'logical'; readonly operator: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'arithmetic'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'concat'; readonly parts: readonly Expression[] }
  | { readonly kind: 'compare'; readonly first: Expression; readonly rest: readonly Comparison[] }
  | { readonly kind: 'conditional'; readonly test: Expression; readonly then: Expression; readonly otherwise: Expression | null }
  | { readonly kind: 'attribute'; readonly object: Expression; readonly name: string }
  | { readonly kind: 'item'; readonly object: Expression; readonly key: Expression }
  | { readonly kind: 'slice'; readonly object: Expression; readonly bounds: readonly (Expression | null)[] }
  | ({ readonly kind: 'call'; readonly callee: Expression } & Arguments)
  | ({ readonly kind: 'filter'; readonly input: Expression; readonly name: string } & Arguments)
  | ({ readonly kind: 'test'; readonly input: Expression; readonly name: string; readonly isNegated: boolean } & Arguments)

export interface Comparison {
  readonly operator: string
  readonly operand: Expression
}

export interface Arguments {
  /** An expression that was written behind `*` gives several arguments. */
  readonly args: readonly { readonly value: Expression; readonly isSpread: boolean }[]
  readonly named: readonly (readonly [string, Expression])[]
}

export type Target =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'attribute'; readonly object: string; readonly name: string }
  | { readonly kind: 'tuple'; readonly items: readonly Target[] }

export type Statement =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'output'; readonly expression: Expression }
  | { readonly kind: 'if'; readonly branches: readonly (readonly [Expression, Body])[]; readonly otherwise: Body }
  | {
      readonly kind: 'for'
      readonly target: Target
      readonly iterable: Expression
      readonly condition: Expression | null
      readonly body: Body
      readonly otherwise: Body
    }
  | { readonly kind: 'set'; readonly target: Target; readonly value: Expression }
  /** The rendered body, through filters whose innermost input is the name `BODY`. */
  | { readonly kind: 'setBlock'; readonly target: Target; readonly value: Expression; readonly body: Body }
  | { readonly kind: 'filterBlock'; readonly value: Expression; readonly body: Body }
  | { readonly kind: 'with'; readonly assignments: readonly (readonly [Target, Expression])[]; readonly body: Body }
  | { readonly kind: 'macro'; readonly name: string; readonly parameters: readonly Parameter[]; readonly body: Body }
  | { readonly kind: 'generation'; readonly body: Body }
  | { readonly kind: 'break' | 'continue' }

export type Body = readonly Statement[]

export interface Parameter {
  readonly name: string
  readonly standard: Expression | null
}

/** A name that no template can spell, for the rendered body of a block. */
export const BODY = '<body>'
