/** The examples of README and of pages under docs/, put to a service. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import type { LossBody } from '../../support/loss-body.ts'
import { codeBlocks, curlBlocks, readPage } from '../../support/page-blocks.ts'
import { present } from '../../support/present.ts'
import { type RunningService, startService } from '../../support/running-service.ts'

const run = promisify(execFile)

/** Every request is computed, whatever the examples before it had: their counts of tokens are shown. */
const COUNTED = { LOGPR_RESULT_CACHE_BYTES: '0', LOGPR_PREFIX_CACHE_BYTES: '0' }

let service: RunningService
before(async () => {
  service = await startService(COUNTED)
})
after(() => service.stop())

/** What the service says to a command of a page. */
async function answerOf(command: string | undefined, { url }: RunningService = service): Promise<unknown> {
  const { stdout } = await run('bash', ['-c', present(command).replaceAll('http://127.0.0.1:8080', url)])
  return JSON.parse(stdout)
}

describe('README', () => {
  for (const block of curlBlocks('README.md')) {
    test(`its command works: ${block.slice(0, 60)}...`, async () => {
      const answer = (await answerOf(block)) as { object?: string; error?: unknown; results?: { error?: unknown }[] }
      assert.equal(answer.error, undefined)
      assert.ok(['logprob', 'loss', 'text_completion', 'list'].includes(present(answer.object)), answer.object)
      // Only /v1/logprob has them.
      assert.ok((answer.results ?? []).every(({ error }) => error === undefined))
    })
  }

  for (const line of codeBlocks(readPage('README.md'), 'bash')
    .flatMap((text) => text.split('\n'))
    .filter((text) => text.startsWith('npx logpr'))) {
    test(`its command works: ${line}`, async () => {
      const command = line.replace('npx logpr', `${process.execPath} dist/src/main.js`)
      const { stdout } = await run('bash', ['-c', command], { cwd: PACKAGE_FOLDER }).catch((error: { stdout: string; code: number }) => {
        // `check` says by its exit code that the numbers of the example cannot belong together.
        assert.ok(line.includes('check') && error.code === 1)
        return error
      })
      assert.notEqual(stdout, '')
    })
  }

  test('the answer that it shows is the answer of the service', async () => {
    const [command] = curlBlocks('README.md')
    const [shown] = codeBlocks(readPage('README.md'), 'json')
    assertContains(await answerOf(command), JSON.parse(present(shown)), '')
  })
})

describe('docs/guides/loss.md', () => {
  const PAGE = 'docs/guides/loss.md'
  const lossAnswer = async (index: number): Promise<LossBody> => (await answerOf(curlBlocks(PAGE)[index])) as LossBody
  const shown = (index: number): unknown => JSON.parse(present(codeBlocks(readPage(PAGE), 'json')[index]))

  test('case 1: joint -3.5 and marginal -5.2 cannot belong together', async () => {
    const answer = (await answerOf(curlBlocks(PAGE)[0])) as { consistent: boolean; implied: { probability: number } }
    assert.equal(answer.consistent, false)
    assert.equal(answer.implied.probability.toFixed(2), '5.47')
    assertContains(answer, shown(0), '')
  })

  for (const [form, index] of [
    ['segments', 1],
    ['messages', 2]
  ] as const) {
    test(`case 2: of ${form} the token 4 alone has a label and a loss, as shown`, async () => {
      const { tokens, ...answer } = await lossAnswer(index)
      const { tokens: shownTokens, ...rest } = shown(index) as { tokens: { text: string }[] }
      const trained = tokens.filter(({ label }) => label !== -100)

      assert.deepEqual(
        trained.map(({ text }) => text),
        ['4']
      )
      assert.ok(tokens.every(({ label, loss, grad_norm: norm }) => label !== -100 || (loss === 0 && norm === 0)))
      assertContains(answer, rest, '')
      assertContains([tokens[0], tokens[1], ...trained], shownTokens, 'tokens')
    })
  }

  test('case 3: a run that trained the whole sequence is recognised from its loss', async () => {
    const { full_sequence: whole } = await lossAnswer(1)
    const answer = await lossAnswer(3)
    const reported = answer.diagnosis.reported_loss

    assert.equal(reported?.value, Number(present(whole.loss_mean).toFixed(3)))
    assert.equal(reported?.conventions[0]?.convention, 'full_sequence_mean')
    assert.match(answer.diagnosis.summary, /the prompt was not masked/)
    assertContains(answer, shown(3), '')
  })
})

describe('docs/guides/rerank.md', () => {
  const PAGE = 'docs/guides/rerank.md'
  for (const [index, command] of curlBlocks(PAGE).entries()) {
    test(`the answer that it shows is the answer of the service: ${command.slice(0, 45)}...`, async () => {
      assertContains(await answerOf(command), JSON.parse(present(codeBlocks(readPage(PAGE), 'json')[index])), '')
    })
  }
})

describe('docs/guides/teachers.md', () => {
  const PAGE = 'docs/guides/teachers.md'
  curlBlocks(PAGE).forEach((command, i) => {
    test(`the answer that it shows is the answer of the service: ${command.slice(-80).trim()}`, async () => {
      assertContains(await answerOf(command), JSON.parse(present(codeBlocks(readPage(PAGE), 'json')[i])), '')
    })
  })
})

describe('docs/reference/ndjson.md', () => {
  const PAGE = readPage('docs/reference/ndjson.md')
  const commands = codeBlocks(PAGE, 'bash')
  const shown = (index: number): object => JSON.parse(present(codeBlocks(PAGE, 'json')[index]))
  const folder = mkdtempSync(join(tmpdir(), 'logpr-test-'))
  after(() => rmSync(folder, { recursive: true }))
  type Line = { readonly object: string; readonly index?: number; readonly line?: number }

  /** The lines that a command of the page prints: the results in the order of the request, then the summary. */
  async function linesOf(index: number): Promise<Line[]> {
    const { stdout } = await run('bash', ['-c', present(commands[index]).replaceAll('http://127.0.0.1:8080', service.url)], { cwd: folder })
    const lines = stdout.trimEnd().split('\n')
    const place = ({ index: at = lines.length }: Line): number => at
    return lines.map((line) => JSON.parse(line) as Line).toSorted((a, b) => place(a) - place(b))
  }
  const kindsOf = (lines: readonly Line[]): unknown[] => lines.map(({ object, line }) => [object, line])
  const [result, failure, summary] = ['logprob.result', 'logprob.failure', 'logprob.summary']

  test('every command is run here', () => assert.equal(commands.length, 3))

  test('a JSON request is answered with a line per result and the summary', async () => {
    assert.deepEqual(
      kindsOf(await linesOf(0)),
      [result, result, summary].map((kind) => [kind, undefined])
    )
  })

  test('JSON Lines are answered with the number of each line, and the summary that is shown', async () => {
    const lines = await linesOf(1)
    assert.deepEqual(kindsOf(lines), [
      [result, 2],
      [result, 3],
      [result, 3],
      [summary, undefined]
    ])
    const { id: _id, elapsed_ms: _elapsedMs, stamp: _stamp, ...rest } = shown(0) as Record<string, unknown>
    assertContains(lines.at(-1), rest, '')
  })

  test('a bad line is answered as shown, and the other one is scored', async () => {
    const lines = await linesOf(2)
    assert.deepEqual(kindsOf(lines), [
      [result, 1],
      [failure, 3],
      [summary, undefined]
    ])
    assertContains(lines[1], shown(1), '')
  })
})

describe('docs/reference/completions.md', () => {
  const PAGE = 'docs/reference/completions.md'
  curlBlocks(PAGE).forEach((command, i) => {
    test(`the answer that it shows is the answer of the service: ${command.slice(-80).trim()}`, async () => {
      assertContains(await answerOf(command), JSON.parse(present(codeBlocks(readPage(PAGE), 'json')[i])), '')
    })
  })
})

describe('docs/reference/chat-completions.md', () => {
  const PAGE = 'docs/reference/chat-completions.md'
  curlBlocks(PAGE).forEach((command, i) => {
    test(`the answer that it shows is the answer of the service: ${command.slice(-80).trim()}`, async () => {
      assertContains(await answerOf(command), JSON.parse(present(codeBlocks(readPage(PAGE), 'json')[i])), '')
    })
  })
})

describe('docs/reference/chat-templates.md', () => {
  const PAGE = 'docs/reference/chat-templates.md'
  let templated: RunningService
  let folder: string
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'logpr-test-'))
    writeFileSync(join(folder, 'example.jinja'), present(codeBlocks(readPage(PAGE), 'jinja')[0]))
    templated = await startService({ ...COUNTED, LOGPR_CHAT_TEMPLATE: join(folder, 'example.jinja') })
  })
  after(async () => {
    await templated.stop()
    rmSync(folder, { recursive: true })
  })

  curlBlocks(PAGE).forEach((command, i) => {
    test(`the answer that it shows is the answer of the service: ${command.slice(-80).trim()}`, async () => {
      assertContains(await answerOf(command, templated), JSON.parse(present(codeBlocks(readPage(PAGE), 'json')[i])), '')
    })
  })
})

/** Every field of `part` is in `whole` with the same value; numbers to the three decimals that are shown. */
function assertContains(whole: unknown, part: unknown, path: string): void {
  if (typeof part === 'number' && !Number.isInteger(part)) assert.ok(Math.abs((whole as number) - part) <= 1e-3, `${path}: ${whole} is not ${part}`)
  else if (typeof part === 'object' && part !== null)
    for (const [key, value] of Object.entries(part)) assertContains((whole as Record<string, unknown>)[key], value, `${path}/${key}`)
  else assert.equal(whole, part, path)
}
