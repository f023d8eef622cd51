import { parseArgs } from 'node:util'
import { ServiceError } from '../errors.ts'
import { consistencyOf } from '../scoring/consistency.ts'

/** `logpr check`: the answer as JSON; exit code 0 when the numbers can belong together, 1 when not. */
export async function check(argv: readonly string[]): Promise<number> {
  const { joint, marginal, conditional } = numbersOf(argv)
  if (joint === undefined || marginal === undefined) throw new ServiceError('configuration_invalid', 'check needs --joint and --marginal, in nats')
  const answer = consistencyOf({ joint, marginal, ...(conditional === undefined ? {} : { conditional }) })
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
  return answer.consistent ? 0 : 1
}

function numbersOf(argv: readonly string[]): Record<string, number | undefined> {
  // Negative numbers look like flags, so `--joint -3.5` is joined before it is parsed.
  const joined = argv.flatMap((argument, i) =>
    /^--\w+$/.test(argument) && /^-[\d.]/.test(argv[i + 1] ?? '')
      ? [`${argument}=${argv[i + 1]}`]
      : /^-[\d.]/.test(argument) && /^--\w+$/.test(argv[i - 1] ?? '')
        ? []
        : [argument]
  )
  const names = ['joint', 'marginal', 'conditional']
  let values: Record<string, string | undefined>
  try {
    ;({ values } = parseArgs({ args: joined, options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])) }) as {
      values: Record<string, string | undefined>
    })
  } catch (error) {
    throw new ServiceError('configuration_invalid', error instanceof Error ? error.message : String(error), { cause: error })
  }
  return Object.fromEntries(
    Object.entries(values).map(([name, text]) => {
      const value = Number(text)
      if (text === undefined || text.trim() === '' || !Number.isFinite(value))
        throw new ServiceError('configuration_invalid', `--${name} must be a finite number of nats`)
      return [name, value]
    })
  )
}
