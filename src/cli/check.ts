import { parseArgs } from 'node:util'
import { ServiceError } from '../errors.ts'
import { consistencyOf, MAX_NATS } from '../scoring/consistency/consistency.ts'

const SUMS = ['joint', 'marginal', 'conditional']
const COUNTS = ['x-tokens', 'y-tokens']

/** `logpr check`: the answer of POST /v1/check as JSON; exit code 0 when the numbers can belong together, 1 when not. */
export async function check(argv: readonly string[]): Promise<number> {
  const { joint, marginal, conditional, 'x-tokens': xTokens, 'y-tokens': yTokens } = numbersOf(argv)
  if (joint === undefined || marginal === undefined) throw new ServiceError('configuration_invalid', 'check needs --joint and --marginal, in nats')
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

function numbersOf(argv: readonly string[]): Record<string, number | undefined> {
  // Negative numbers look like flags, so `--joint -3.5` is joined before it is parsed.
  const joined = argv.flatMap((argument, i) =>
    /^--[\w-]+$/.test(argument) && /^-[\d.]/.test(argv[i + 1] ?? '')
      ? [`${argument}=${argv[i + 1]}`]
      : /^-[\d.]/.test(argument) && /^--[\w-]+$/.test(argv[i - 1] ?? '')
        ? []
        : [argument]
  )
  let values: Record<string, string | undefined>
  try {
    ;({ values } = parseArgs({ args: joined, options: Object.fromEntries([...SUMS, ...COUNTS].map((name) => [name, { type: 'string' as const }])) }) as {
      values: Record<string, string | undefined>
    })
  } catch (error) {
    throw new ServiceError('configuration_invalid', error instanceof Error ? error.message : String(error), { cause: error })
  }
  return Object.fromEntries(Object.entries(values).map(([name, text]) => [name, COUNTS.includes(name) ? countOf(name, text) : natsOf(name, text)]))
}

function natsOf(name: string, text: string | undefined): number {
  const value = Number(text)
  if (text === undefined || text.trim() === '' || !(Math.abs(value) <= MAX_NATS))
    throw new ServiceError('configuration_invalid', `--${name} must be a finite number of nats, at most ${MAX_NATS} in size`)
  return value
}

function countOf(name: string, text: string | undefined): number {
  const value = Number(text)
  if (text === undefined || text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new ServiceError('configuration_invalid', `--${name} must be a number of tokens, 0 or more`)
  return value
}
