import { bind } from './arguments.ts'
import { evaluate } from './evaluate.ts'
import { str } from './representation.ts'
import { Scope } from './scope.ts'
import { BODY, type Body, type Expression, type Parameter, type Statement, type Target } from './syntax.ts'
import { TemplateError } from './template-error.ts'
import { Text } from './text.ts'
import { Callable, isTrue, iterate, Namespace, orElse, Undefined, type Value } from './values.ts'

/** Iterations of all loops of a rendering together. Ends a template that would run for minutes. */
const MAX_ITERATIONS = 2_000_000

export interface Rendering {
  readonly text: Text
  /**
   * What `{% generation %}` blocks wrote, in UTF-16 units of the text; null if one is inside a macro or another block
   * whose text is moved, where transformers marks other text.
   */
  readonly generations: readonly { readonly start: number; readonly end: number }[] | null
}

type Outcome = 'done' | 'break' | 'continue'

/** Runs a template. Throws `TemplateError`. */
export function render(body: Body, variables: Iterable<readonly [string, Value]>): Rendering {
  const renderer = new Renderer()
  try {
    renderer.run(body, new Scope(null, variables), renderer.output)
  } catch (error) {
    if (error instanceof RangeError) throw new TemplateError('limit', 'it calls its macros too deeply or writes too long a text')
    throw error
  }
  return { text: Text.concat(renderer.output), generations: renderer.hasMovedGenerations ? null : renderer.generations }
}

class Renderer {
  readonly output: Text[] = []
  readonly generations: { start: number; end: number }[] = []
  hasMovedGenerations = false
  #iterations = 0

  run(body: Body, scope: Scope, output: Text[]): Outcome {
    for (const statement of body) {
      const outcome = this.#execute(statement, scope, output)
      if (outcome !== 'done') return outcome
    }
    return 'done'
  }

  #execute(statement: Statement, scope: Scope, output: Text[]): Outcome {
    switch (statement.kind) {
      case 'text':
        output.push(new Text(statement.value))
        return 'done'
      case 'output':
        output.push(str(evaluate(statement.expression, scope)))
        return 'done'
      case 'if': {
        const taken = statement.branches.find(([test]) => isTrue(evaluate(test, scope)))
        return this.run(taken?.[1] ?? statement.otherwise, scope, output)
      }
      case 'for':
        this.#loop(statement, scope, output)
        return 'done'
      case 'set':
        assign(statement.target, evaluate(statement.value, scope), scope)
        return 'done'
      case 'setBlock':
        assign(statement.target, this.#throughFilters(statement.value, statement.body, scope), scope)
        return 'done'
      case 'filterBlock':
        output.push(str(this.#throughFilters(statement.value, statement.body, scope)))
        return 'done'
      case 'with': {
        const inner = new Scope(scope)
        for (const [target, value] of statement.assignments) assign(target, evaluate(value, scope), inner)
        return this.run(statement.body, inner, output)
      }
      case 'macro':
        scope.set(statement.name, this.#macro(statement.name, statement.parameters, statement.body, scope))
        return 'done'
      case 'generation': {
        const start = lengthOf(output)
        this.#captureInto(output, statement.body, scope)
        if (output === this.output) this.generations.push({ start, end: lengthOf(output) })
        else this.hasMovedGenerations = true
        return 'done'
      }
      default:
        return statement.kind
    }
  }

  #captureInto(output: Text[], body: Body, scope: Scope): void {
    const written: Text[] = []
    this.run(body, new Scope(scope), written)
    output.push(Text.concat(written))
  }

  #throughFilters(value: Expression, body: Body, scope: Scope): Value {
    const written: Text[] = []
    this.#captureInto(written, body, scope)
    return evaluate(value, new Scope(scope, [[BODY, Text.concat(written)]]))
  }

  #macro(name: string, parameters: readonly Parameter[], body: Body, scope: Scope): Callable {
    const names = parameters.map((parameter) => parameter.name)
    return new Callable(name, (args, named) => {
      const inner = new Scope(scope)
      const given = bind(`macro '${name}'`, args, named, names)
      for (const [i, { name: parameter, standard }] of parameters.entries()) {
        const absent = (): Value => (standard === null ? new Undefined(`parameter '${parameter}' was not provided`) : evaluate(standard, inner))
        inner.set(parameter, orElse(given[i], absent))
      }
      const written: Text[] = []
      this.run(body, inner, written)
      return Text.concat(written)
    })
  }

  #loop({ target, iterable, condition, body, otherwise }: Extract<Statement, { kind: 'for' }>, scope: Scope, output: Text[]): void {
    const items = iterate(evaluate(iterable, scope)).filter((item) => {
      if (condition === null) return true
      const inner = new Scope(scope)
      assign(target, item, inner)
      return isTrue(evaluate(condition, inner))
    })
    for (const [index, item] of items.entries()) {
      if (++this.#iterations > MAX_ITERATIONS) throw new TemplateError('limit', `its loops run more than ${MAX_ITERATIONS} times`)
      const inner = new Scope(scope)
      inner.set('loop', new Namespace('LoopContext', () => loopEntries(items, index)))
      assign(target, item, inner)
      if (this.run(body, inner, output) === 'break') break
    }
    if (items.length === 0) this.run(otherwise, new Scope(scope), output)
  }
}

function lengthOf(output: readonly Text[]): number {
  return output.reduce((units, { value }) => units + value.length, 0)
}

function assign(target: Target, value: Value, scope: Scope): void {
  if (target.kind === 'name') scope.set(target.name, value)
  else if (target.kind === 'attribute') {
    const owner = scope.get(target.object)
    if (!(owner instanceof Namespace) || owner.kind !== 'Namespace') throw new TemplateError('failed', 'cannot assign attribute on non-namespace object')
    if (target.name.startsWith('_')) throw new TemplateError('failed', 'a namespace cannot store an attribute that begins with an underscore')
    owner.attributes.set(target.name, value)
  } else {
    const values = iterate(value)
    if (values.length !== target.items.length) throw new TemplateError('failed', `expected ${target.items.length} values to unpack, got ${values.length}`)
    target.items.forEach((each, i) => {
      assign(each, values[i] ?? null, scope)
    })
  }
}

function loopEntries(items: readonly Value[], index: number): [string, Value][] {
  const { length } = items
  const none = new Undefined('there is no such item')
  const cycle = new Callable('cycle', (args) => {
    if (args.length === 0) throw new TemplateError('failed', 'no items for cycling given')
    return args[index % args.length] ?? null
  })
  return [
    ['index', BigInt(index + 1)],
    ['index0', BigInt(index)],
    ['revindex', BigInt(length - index)],
    ['revindex0', BigInt(length - index - 1)],
    ['first', index === 0],
    ['last', index === length - 1],
    ['length', BigInt(length)],
    ['depth', 1n],
    ['depth0', 0n],
    ['previtem', items[index - 1] ?? (index > 0 ? null : none)],
    ['nextitem', items[index + 1] ?? (index + 1 < length ? null : none)],
    ['cycle', cycle]
  ]
}
