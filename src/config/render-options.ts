import type { CommandFlag, OptionSchema } from './option-schema.ts'
import { ENV_PREFIX, flagOf, OPTIONS, type OptionName } from './options.ts'

interface OptionRow {
  readonly flag: string
  readonly variable: string
  readonly fallback: string
  readonly values: string
  readonly description: string
}

/** Widest line of `--help`, in characters. */
const HELP_COLUMNS = 120

/** The settings with these names, for the help of a command. */
export function renderSettings(names: readonly OptionName[]): string {
  return renderRows(optionRows().filter(({ variable }) => names.some((name) => variable === ENV_PREFIX + name)))
}

/** The flags that only one command has. */
export function renderFlags(flags: Readonly<Record<string, CommandFlag>>): string {
  return renderRows(
    Object.entries(flags).map(([flag, schema]) => ({
      flag: `--${flag}${schema.type === 'boolean' ? '' : ` ${schema.placeholder ?? (schema.type === 'integer' ? 'N' : 'CHOICE')}`}`,
      values: schema.enum === undefined && schema.type !== 'integer' ? '' : valuesOf(schema),
      ...(schema.default === undefined ? {} : { fallback: String(schema.default) }),
      description: schema.description
    }))
  )
}

interface HelpRow extends Pick<OptionRow, 'flag' | 'values' | 'description'> {
  readonly fallback?: string
}

function renderRows(rows: readonly HelpRow[]): string {
  const indent = Math.max(...rows.map(({ flag }) => flag.length)) + 4
  return rows
    .map(({ flag, values, fallback, description }) => {
      const notes = [values, fallback === undefined ? '' : `default ${fallback === '' ? 'empty' : fallback}`].filter((note) => note !== '').join('; ')
      const lines = [...wrapped(description, HELP_COLUMNS - indent), ...(notes === '' ? [] : wrapped(notes, HELP_COLUMNS - indent))]
      return `  ${flag.padEnd(indent - 2)}${lines.join(`\n${' '.repeat(indent)}`)}`
    })
    .join('\n')
}

/** The lines of `text`, broken at spaces. */
export function wrapped(text: string, columns: number): string[] {
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

For operators: every setting, with its default. A flag overrides its environment variable, which overrides the default.
If a flag is unknown or a value is invalid, logpr does not start, and the error lists everything that is wrong. An
unknown \`LOGPR_\` variable is a warning, so that going back to an older version works. \`logpr serve\` takes every
setting; the help of another command (\`logpr score --help\`) lists those that it takes, and the others are refused as
flags. [Limits and timeouts](reference/limits-and-timeouts.md) explains which settings depend on each other.

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

function valuesOf({ enum: choices, type, minimum, maximum }: Omit<OptionSchema, 'default'>): string {
  if (choices !== undefined) return choices.join(', ')
  if (type === 'boolean') return 'true, false'
  if (type !== 'integer') return 'text'
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`
  return `integer from ${minimum ?? 0}`
}
