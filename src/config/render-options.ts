import type { OptionSchema } from './option-schema.ts'
import { ENV_PREFIX, flagOf, OPTIONS } from './options.ts'

interface OptionRow {
  readonly flag: string
  readonly variable: string
  readonly fallback: string
  readonly values: string
  readonly description: string
}

/** Widest line of `--help`, in characters. */
const HELP_COLUMNS = 120

/** The option table of `--help`. */
export function renderHelp(): string {
  const rows = optionRows()
  const indent = Math.max(...rows.map(({ flag }) => flag.length)) + 4
  return rows
    .map(({ flag, values, fallback, description }) => {
      const lines = [...wrapped(description, HELP_COLUMNS - indent), `${values}; default ${fallback === '' ? 'empty' : fallback}`]
      return `  ${flag.padEnd(indent - 2)}${lines.join(`\n${' '.repeat(indent)}`)}`
    })
    .join('\n')
}

function wrapped(text: string, columns: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

/** The content of docs/configuration.md. */
export function renderConfigurationPage(): string {
  const lines = optionRows().map(
    ({ flag, variable, fallback, values, description }) =>
      `| \`${flag}\` | \`${variable}\` | ${fallback === '' ? '(empty)' : `\`${fallback}\``} | ${values} | ${description} |`
  )
  return `# Configuration

For operators: every setting of \`logpr serve\` and \`logpr score\`, with its default. A flag overrides its environment
variable, which overrides the default. If a flag is unknown or a value is invalid, logpr does not start, and the error
lists every invalid value. [Limits and timeouts](reference/limits-and-timeouts.md) explains which settings depend on each other.

Generated from \`src/config/options.ts\` by \`npm run docs\`; a test fails when this page is stale.

| flag | variable | default | values | meaning |
|---|---|---|---|---|
${lines.join('\n')}
`
}

function optionRows(): OptionRow[] {
  return Object.entries<OptionSchema>(OPTIONS).map(([name, schema]) => ({
    flag: `--${flagOf(name)}`,
    variable: ENV_PREFIX + name,
    fallback: String(schema.default),
    values: valuesOf(schema),
    description: schema.description
  }))
}

function valuesOf({ enum: choices, type, minimum, maximum }: OptionSchema): string {
  if (choices !== undefined) return choices.join(', ')
  if (type === 'boolean') return 'true, false'
  if (type !== 'integer') return 'text'
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`
  return `integer from ${minimum ?? 0}`
}
