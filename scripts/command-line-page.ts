import { COMMANDS, type CommandSpec } from '../src/cli/commands.ts'
import { EXIT_CODES, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_PEER } from '../src/cli/exit-codes.ts'
import type { CommandFlag } from '../src/config/option-schema.ts'
import { wrapped } from '../src/config/render-options.ts'

/** The blocks of docs/reference/command-line.md. */
export function commandLineBlocks(): Readonly<Record<string, string>> {
  return { commands: Object.values(COMMANDS).map(section).join('\n\n'), 'exit-codes': exitCodes() }
}

function section({ name, summary, usage, description, examples, flags }: CommandSpec<Readonly<Record<string, CommandFlag>>>): string {
  const rows = Object.entries(flags).map(
    ([flag, { description: meaning, enum: choices, default: fallback }]) =>
      `| \`--${flag}\` | ${[choices?.join(', '), fallback === undefined ? undefined : `default \`${fallback}\``].filter(Boolean).join('; ')} | ${meaning} |`
  )
  return [
    `### logpr ${name}`,
    `To ${summary}.`,
    `\`\`\`text\n${usage.join('\n')}\n\`\`\``,
    ...description.map((paragraph) => wrapped(paragraph, 120).join('\n')),
    `\`\`\`text\n${examples.map(([line, what]) => `# ${what}\n${line}`).join('\n')}\n\`\`\``,
    ...(rows.length === 0 ? [] : [`| flag | values | meaning |\n|---|---|---|\n${rows.join('\n')}`])
  ].join('\n\n')
}

function exitCodes(): string {
  const downloads = Object.values(EXIT_CODES)
  return [
    '| exit code | meaning |',
    '|---|---|',
    '| 0 | success |',
    '| 1 | done, with findings: a line that failed, numbers that are inconsistent, a missing library |',
    '| 2 | wrong arguments or settings, a missing file, a model that cannot be used |',
    `| ${Math.min(...downloads)} to ${Math.max(...downloads)} | a download failed ([the hub guide](../guides/hub.md) lists them) |`,
    `| ${EXIT_FAILED} | \`logpr serve\`: a model failed for good |`,
    `| ${EXIT_PEER.unreachable}, ${EXIT_PEER.refused}, ${EXIT_PEER.invalid} | another server cannot be reached, refuses the request, or answers what cannot be read |`,
    `| ${EXIT_INTERRUPTED} | interrupted by Ctrl-C |`
  ].join('\n')
}
