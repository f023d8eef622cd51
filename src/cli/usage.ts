import type { CommandFlag } from '../config/option-schema.ts'
import { renderFlags, renderSettings, wrapped } from '../config/render-options.ts'
import { COMMANDS, type CommandName, type CommandSpec } from './commands.ts'

/** Widest line of the help, in characters. */
const COLUMNS = 120

/** The text of `logpr help`. */
export function renderUsage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length)) + 2
  return `logpr: exact log-probabilities of text under a causal language model

Commands:

${Object.values(COMMANDS)
  .map(({ name, summary }) => `  logpr ${name.padEnd(width)}${summary}`)
  .join('\n')}
  logpr ${'version'.padEnd(width)}print the version

logpr COMMAND --help explains a command, with examples and every setting that it takes. Settings are flags or
environment variables: --max-batch-tokens is LOGPR_MAX_BATCH_TOKENS. All are described in docs/configuration.md.

Try it:

  logpr score --x "The children ran down to the" --y " river"
  logpr serve`
}

/** The text of `logpr COMMAND --help`. */
export function renderCommandHelp(command: CommandName): string {
  const { usage, description, examples, flags, settings }: CommandSpec<Readonly<Record<string, CommandFlag>>> = COMMANDS[command]
  const sections = [
    usage.join('\n'),
    ...description.map((paragraph) => wrapped(paragraph, COLUMNS).join('\n')),
    `Examples:\n\n${examples.map(([line, what]) => `  # ${what}\n  ${line}`).join('\n\n')}`,
    ...(Object.keys(flags).length === 0 ? [] : [`Flags:\n\n${renderFlags(flags)}`]),
    ...(settings.length === 0 ? [] : [`Settings, as flags or environment variables (--dtype is LOGPR_DTYPE):\n\n${renderSettings(settings)}`])
  ]
  return sections.join('\n\n')
}
