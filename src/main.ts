#!/usr/bin/env node
import { exitCodeOf } from './cli/exit-codes.ts'
import { serviceErrorFrom } from './errors.ts'
/** Parses the command line, runs one command, sets the exit code. The only reader of process.argv and process.env. */
import { LOGPR_VERSION } from './process/package-info.ts'

type Command = (argv: readonly string[], env: NodeJS.ProcessEnv) => Promise<number>

/** Each takes its arguments and the environment, and answers with an exit code. Loaded when asked for: serve starts fast. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./cli/serve.ts')).serve,
  score: async () => (await import('./cli/score.ts')).score,
  check: async () => (await import('./cli/check.ts')).check,
  inspect: async () => (await import('./cli/inspect.ts')).inspect,
  manifest: async () => (await import('./cli/manifest.ts')).manifest,
  pull: async () => (await import('./cli/pull.ts')).pull
}

/** 0 done, 1 done with findings (a failed check, an item that could not be scored), 2 and above could not be done (cli/exit-codes.ts). */
async function run(argv: readonly string[]): Promise<number> {
  const [command = 'help', ...rest] = argv
  if (command === '--version' || command === 'version') return print(LOGPR_VERSION)
  if (command === 'help' || command === '--help' || rest.includes('--help')) return print(await usage())
  const load = COMMANDS[command]
  if (load === undefined) {
    process.stderr.write(`logpr: there is no command ${JSON.stringify(command)}; logpr help lists them\n`)
    return 2
  }
  return (await load())(rest, process.env)
}

async function usage(): Promise<string> {
  return (await import('./cli/usage.ts')).renderUsage()
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}

try {
  process.exit(await run(process.argv.slice(2)))
} catch (error) {
  const { code, message, cause } = serviceErrorFrom(error)
  const detail = code === 'internal_error' && cause instanceof Error ? `\n${cause.stack}` : ''
  process.stderr.write(`logpr: ${message}${detail}\n`)
  process.exit(exitCodeOf(code))
}
