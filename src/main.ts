#!/usr/bin/env node
/**
 * Parses the command line, runs one command and exits with its code. Only this file reads process.argv and process.env.
 */

import type { CommandName } from './cli/commands.ts'
import { EXIT_PEER, exitCodeOf } from './cli/exit-codes.ts'
import { serviceErrorFrom } from './errors.ts'
import { PeerError } from './peer/peer-error.ts'
import { EarlyStop } from './process/early-stop.ts'
import { LOGPR_VERSION } from './process/package-info.ts'

/**
 * Returns the exit code: 0 for success, 1 for findings such as a failed check, 2 and above for errors
 * (cli/exit-codes.ts).
 */
type Command = (argv: readonly string[], env: NodeJS.ProcessEnv, earlyStop: EarlyStop) => Promise<number>

/** Each command is imported only when it runs, so that `serve` starts quickly. */
const COMMANDS: Readonly<Record<CommandName, () => Promise<Command>>> = {
  serve: async () => (await import('./cli/serve.ts')).serve,
  score: async () => (await import('./cli/score.ts')).score,
  perplexity: async () => (await import('./cli/perplexity.ts')).perplexity,
  check: async () => (await import('./cli/check.ts')).check,
  compare: async () => (await import('./cli/compare.ts')).compare,
  audit: async () => (await import('./cli/audit.ts')).audit,
  inspect: async () => (await import('./cli/inspect.ts')).inspect,
  manifest: async () => (await import('./cli/manifest.ts')).manifest,
  pull: async () => (await import('./cli/pull.ts')).pull
}

async function run(argv: readonly string[]): Promise<number> {
  const [first = 'help', ...rest] = argv
  const isHelp = first === 'help' || HELP_FLAGS.includes(first)
  const earlyStop = new EarlyStop(first === 'serve')
  if (['version', '--version', '-v'].includes(first)) return print(LOGPR_VERSION)
  const command = isHelp ? rest[0] : first
  if (command === undefined || HELP_FLAGS.includes(command)) return print((await import('./cli/usage.ts')).renderUsage())
  if (!isCommand(command)) return noCommand(command)
  if (isHelp || hasHelpFlag(rest)) return print((await import('./cli/usage.ts')).renderCommandHelp(command))
  return (await COMMANDS[command]())(rest, process.env, earlyStop)
}

const HELP_FLAGS = ['--help', '-h']

/** `-h` only directly after the command: elsewhere it can be a text. What follows `--` is never a flag. */
function hasHelpFlag(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv[0] === '-h' || argv.slice(0, end < 0 ? undefined : end).includes('--help')
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}

async function noCommand(typed: string): Promise<number> {
  const { didYouMean } = await import('./config/nearest-name.ts')
  const fault = typed.startsWith('-')
    ? 'the command comes before its flags, such as logpr serve --port 9000'
    : `there is no command ${JSON.stringify(typed)}${didYouMean(typed, Object.keys(COMMANDS), 'logpr ')}`
  process.stderr.write(`logpr: ${fault}; logpr help lists all commands\n`)
  return 2
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}

// The reader of a pipe has seen enough, as in `logpr score FILE | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

// Otherwise Node opens its inspector, which lets any local program run code in this process.
process.on('SIGUSR1', () => {})

try {
  process.exit(await run(process.argv.slice(2)))
} catch (error) {
  if (error instanceof PeerError) {
    process.stderr.write(`logpr: ${error.message}\n`)
    process.exit(EXIT_PEER[error.kind])
  }
  const { code, message, cause } = serviceErrorFrom(error)
  const detail = code === 'internal_error' && cause instanceof Error ? `\n${cause.stack}` : ''
  process.stderr.write(`logpr: ${message}${detail}\n`)
  process.exit(exitCodeOf(code))
}
