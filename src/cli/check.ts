import { parseArgs } from 'node:util'
import { ServiceError } from '../errors.ts'
import { consistencyOf, MAX_NATS } from '../scoring/consistency/consistency.ts'

const FLAGS = ['joint', 'marginal', 'conditional', 'x-tokens', 'y-tokens'] as const
type Flag = (typeof FLAGS)[number]

/** `logpr check`: prints the response of POST /v1/check. The exit code is 0 when the numbers are consistent, else 1. */
export async function check(argv: readonly string[]): Promise<number> {
  const values = parseFlags(argv)
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

function parseFlags(argv: readonly string[]): FlagValues {
  const options = Object.fromEntries(FLAGS.map((flag) => [flag, { type: 'string' as const }]))
  try {
    return parseArgs({ args: joinNegativeValues(argv), options }).values as FlagValues
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error), error)
  }
}

/** `--joint -3.5` becomes `--joint=-3.5`, because parseArgs takes a value that begins with a dash for a flag. */
function joinNegativeValues(argv: readonly string[]): string[] {
  const joined: string[] = []
  for (const argument of argv) {
    const previous = joined.at(-1) ?? ''
    if (/^-[\d.]/.test(argument) && /^--[\w-]+$/.test(previous)) joined[joined.length - 1] = `${previous}=${argument}`
    else joined.push(argument)
  }
  return joined
}

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

function invalid(message: string, cause?: unknown): ServiceError {
  return new ServiceError('configuration_invalid', message, { cause })
}
