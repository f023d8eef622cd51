#!/usr/bin/env node
/**
 * Parses the command line, runs one command and exits with its code. Only this file reads process.argv and process.env.
 */

import { exitCodeOf } from './cli/exit-codes.ts'
import { serviceErrorFrom } from './errors.ts'
import { EarlyStop } from './process/early-stop.ts'
import { LOGPR_VERSION } from './process/package-info.ts'

/**
 * Returns the exit code: 0 for success, 1 for findings such as a failed check, 2 and above for errors
 * (cli/exit-codes.ts).
 */
type Command = (argv: readonly string[], env: NodeJS.ProcessEnv, earlyStop: EarlyStop) => Promise<number>

/** Each command is imported only when it runs, so that `serve` starts quickly. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./cli/serve.ts')).serve,
  score: async () => (await import('./cli/score.ts')).score,
  check: async () => (await import('./cli/check.ts')).check,
  inspect: async () => (await import('./cli/inspect.ts')).inspect,
  manifest: async () => (await import('./cli/manifest.ts')).manifest,
  pull: async () => (await import('./cli/pull.ts')).pull
}

async function run(argv: readonly string[]): Promise<number> {
  const [command = 'help', ...rest] = argv
  const earlyStop = new EarlyStop(command === 'serve')
  if (command === '--version' || command === 'version') return print(LOGPR_VERSION)
  if (command === 'help' || command === '--help' || rest.includes('--help')) return print((await import('./cli/usage.ts')).renderUsage())
  const load = COMMANDS[command]
  if (load === undefined) {
    process.stderr.write(`logpr: there is no command ${JSON.stringify(command)}; logpr help lists all commands\n`)
    return 2
  }
  return (await load())(rest, process.env, earlyStop)
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}

// Otherwise Node opens its inspector, which lets any local program run code in this process.
process.on('SIGUSR1', () => {})

try {
  process.exit(await run(process.argv.slice(2)))
} catch (error) {
  const { code, message, cause } = serviceErrorFrom(error)
  const detail = code === 'internal_error' && cause instanceof Error ? `\n${cause.stack}` : ''
  process.stderr.write(`logpr: ${message}${detail}\n`)
  process.exit(exitCodeOf(code))
}
