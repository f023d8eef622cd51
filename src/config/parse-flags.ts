import { didYouMean } from './nearest-name.ts'

/** How a flag is written, whatever it means. */
export interface FlagForm {
  readonly type: 'integer' | 'string' | 'boolean'
  /** What stands for the value in messages: `TEXT`. */
  readonly placeholder: string
  readonly isRepeated: boolean
}

interface ParsedFlags {
  /** The values by flag, in the order typed: several only of a repeated flag. */
  readonly values: ReadonlyMap<string, readonly string[]>
  readonly positionals: readonly { readonly value: string; readonly after: string | null }[]
  /** Everything that is wrong, in the order typed. */
  readonly faults: readonly string[]
}

/**
 * Splits arguments into flags and positionals. Nothing is skipped: what cannot be taken is a fault. A boolean flag
 * takes only the words true and false as a separate value, so that `--json a.jsonl` leaves the file.
 * `explain` says more about a flag that the command does not have, or returns null.
 */
export function parseFlags(argv: readonly string[], forms: ReadonlyMap<string, FlagForm>, explain: (flag: string) => string | null): ParsedFlags {
  const values = new Map<string, string[]>()
  const positionals: { value: string; after: string | null }[] = []
  const faults: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!
    if (argument === '--') {
      positionals.push(...argv.slice(i + 1).map((value) => ({ value, after: null })))
      break
    }
    if (!argument.startsWith('-') || argument === '-') {
      const previous = /^--([\w-]+)$/.exec(argv[i - 1] ?? '')?.[1] ?? ''
      positionals.push({ value: argument, after: forms.get(previous)?.type === 'boolean' ? `--${previous}` : null })
      continue
    }
    const [, flag, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(argument) ?? []
    const form = forms.get(flag ?? '')
    const next = argv[i + 1]
    if (flag === undefined || form === undefined) {
      faults.push(
        flag === undefined ? `flags begin with two dashes, but one argument begins with a single dash (write -- before such a file name)` : unknown(flag)
      )
      if (inline === undefined && next !== undefined && !next.startsWith('-')) i++
      continue
    }
    let value = inline
    if (value === undefined && form.type === 'boolean') {
      const isSeparate = next === 'true' || next === 'false'
      value = isSeparate ? next : 'true'
      if (isSeparate) i++
    } else if (value === undefined) {
      if (next === undefined || next.startsWith('--')) {
        faults.push(`--${flag} needs a value: --${flag} ${form.placeholder}${next === undefined ? '' : `, or --${flag}=VALUE for one that begins with dashes`}`)
        continue
      }
      value = next
      i++
    }
    const earlier = values.get(flag)
    if (earlier === undefined) values.set(flag, [value])
    else if (form.isRepeated) earlier.push(value)
    else faults.push(`--${flag} is given more than once; give it once`)
  }
  return { values, positionals, faults }

  function unknown(flag: string): string {
    if (flag.startsWith('no-') && forms.get(flag.slice(3))?.type === 'boolean') return `--${flag} is not a flag; write --${flag.slice(3)} false`
    const named = /^[\w.-]+$/.test(flag) ? `--${flag}` : 'an argument'
    return `${named} ${explain(flag) ?? `is not a flag${didYouMean(flag, forms.keys(), '--')}`}`
  }
}
