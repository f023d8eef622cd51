import { createInterface } from 'node:readline'

/** The child's side of a LineProcess: reports that it is ready and answers each line in turn. */
export async function answerLines<Work>(ready: string, answer: (work: Work) => Promise<object>): Promise<void> {
  const say = (value: object): boolean => process.stdout.write(`${JSON.stringify(value)}\n`)
  say({ ready })
  for await (const line of createInterface(process.stdin)) say(await answer(JSON.parse(line) as Work))
}
