import { ServiceError } from '../errors.ts'
import { consistencyOf, MAX_NATS } from '../scoring/consistency/consistency.ts'
import { COMMANDS } from './commands.ts'
import { readArguments } from './read-arguments.ts'

type Flag = keyof typeof COMMANDS.check.flags

/** `logpr check`: prints the response of POST /v1/check. The exit code is 0 when the numbers are consistent, else 1. */
export async function check(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { own: values } = readArguments(COMMANDS.check, argv, env)
  const joint = natsOf('joint', values)
  const marginal = natsOf('marginal', values)
  const conditional = natsOf('conditional', values)
  const xTokens = countOf('x-tokens', values)
  const yTokens = countOf('y-tokens', values)
  if (joint === undefined || marginal === undefined) throw invalid('check needs --joint and --marginal, in nats')
  const answer = consistencyOf({
    joint,
    marginal,
    ...(conditional === undefined ? {} : { conditional }),
    ...(xTokens === undefined ? {} : { xTokens }),
    ...(yTokens === undefined ? {} : { yTokens })
  })
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
  return answer.consistent ? 0 : 1
}

type FlagValues = Readonly<Partial<Record<Flag, string>>>

function natsOf(flag: Flag, values: FlagValues): number | undefined {
  const text = values[flag]
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || !(Math.abs(value) <= MAX_NATS)) throw invalid(`--${flag} must be a finite number of nats between -${MAX_NATS} and ${MAX_NATS}`)
  return value
}

function countOf(flag: Flag, values: FlagValues): number | undefined {
  const text = values[flag]
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) throw invalid(`--${flag} must be a number of tokens, 0 or more`)
  return value
}

function invalid(message: string): ServiceError {
  return new ServiceError('configuration_invalid', message)
}
