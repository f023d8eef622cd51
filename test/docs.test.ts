import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { generatedPages } from '../scripts/generated-pages.ts'
import { COMPLETIONS_REQUEST } from '../src/http/schemas/completions.ts'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { NORMALIZATIONS } from '../src/rerank/normalization.ts'
import { conventionsOf } from '../src/scoring/loss/conventions.ts'
import type { LossBody } from './support/loss-body.ts'
import { type RunningService, startService } from './support/running-service.ts'

const run = promisify(execFile)
const read = (path: string): string => readFileSync(join(PACKAGE_FOLDER, path), 'utf8')
const codeBlocks = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block]) => block ?? '')

const curlBlocks = (path: string): string[] => codeBlocks(read(path), 'bash').filter((text) => text.startsWith('curl'))

/** What the service says to a command of a page. */
async function answerOf(command: string, service: RunningService): Promise<unknown> {
  const { stdout } = await run('bash', ['-c', command.replaceAll('http://127.0.0.1:8080', service.url)])
  return JSON.parse(stdout)
}

/** Every request is computed, whatever the examples before it had: their counts of tokens are shown. */
const COUNTED = { LOGPR_RESULT_CACHE_BYTES: '0', LOGPR_PREFIX_CACHE_BYTES: '0' }

describe('generated pages are up to date (npm run docs)', async () => {
  for (const [path, content] of await generatedPages()) {
    test(path, () => assert.equal(read(path), content))
  }
})

describe('README', () => {
  let service: RunningService
  before(async () => {
    service = await startService(COUNTED)
  })
  after(() => service.stop())

  for (const block of curlBlocks('README.md')) {
    test(`its command works: ${block.slice(0, 60)}...`, async () => {
      const answer = (await answerOf(block, service)) as { object?: string; error?: unknown; results?: { error?: unknown }[] }
      assert.equal(answer.error, undefined)
      assert.ok(['logprob', 'loss', 'text_completion', 'list'].includes(answer.object ?? ''), answer.object)
      assert.ok((answer.results ?? []).every(({ error }) => error === undefined))
    })
  }

  for (const line of codeBlocks(read('README.md'), 'bash')
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
    const [shown] = codeBlocks(read('README.md'), 'json')
    assertContains(await answerOf(command ?? '', service), JSON.parse(shown ?? ''), '')
  })

  test('has at most 150 lines', () => {
    assert.ok(read('README.md').trimEnd().split('\n').length <= 150)
  })
})

describe('docs/loss.md', () => {
  let service: RunningService
  before(async () => {
    service = await startService(COUNTED)
  })
  after(() => service.stop())

  const PAGE = 'docs/loss.md'
  const lossAnswer = async (index: number): Promise<LossBody> => (await answerOf(curlBlocks(PAGE)[index] ?? '', service)) as LossBody
  const shown = (index: number): unknown => JSON.parse(codeBlocks(read(PAGE), 'json')[index] ?? '')

  test('has a command for each textbook case', () => assert.equal(curlBlocks(PAGE).length, 4))

  test('case 1: joint -3.5 and marginal -5.2 cannot belong together', async () => {
    const answer = (await answerOf(curlBlocks(PAGE)[0] ?? '', service)) as { consistent: boolean; implied: { probability: number } }
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

    assert.equal(reported?.value, Number((whole.loss_mean ?? 0).toFixed(3)))
    assert.equal(reported?.conventions[0]?.convention, 'full_sequence_mean')
    assert.match(answer.diagnosis.summary, /the prompt was not masked/)
    assertContains(answer, shown(3), '')
  })

  const codesIn = (page: string, pattern: RegExp): string[] => [...new Set([...page.matchAll(pattern)].map(([, code]) => code ?? ''))].sort()
  const column = (heading: string): string[] => {
    const table = read(PAGE).split(`\n| ${heading} |`)[1]?.split('\n\n')[0] ?? ''
    return table
      .split('\n')
      .slice(2)
      .flatMap((row) => codesIn(row.split('|')[1] ?? '', /`([a-z_]+)`/g))
      .sort()
  }

  test('lists every finding, rule and reason that the code can give, and no other', () => {
    assert.deepEqual(column('finding'), codesIn(`${read('src/scoring/loss/findings.ts')}${read('src/loss/encode-messages.ts')}`, /code: '([a-z_]+)'/g))
    assert.deepEqual(column('rule'), codesIn(read('src/scoring/consistency/token-violations.ts'), /^ {2}\| '([a-z_]+)'$/gm))
    assert.deepEqual(column('reason'), codesIn(read('src/scoring/loss/labels.ts').split('export type Reason')[1]?.split('\n')[0] ?? '', /'([a-z_]+)'/g))
    assert.deepEqual(column('check'), codesIn(read('src/scoring/loss/loss-checks.ts'), /check\(\s*'([a-z_]+)'/g))
  })

  test('lists every convention, and no other', () => {
    const losses = { completion: [1], ends: [1], given: [1], promptLossWeight: 0.5, notShifted: [1], shiftedTwice: [1] }
    const both = [true, false].flatMap((areTrained) => conventionsOf({ ...losses, endsAreTrained: areTrained, endsAreInSequence: areTrained }))
    const whole = conventionsOf({ ...losses, completion: [1, 1], endsAreTrained: false, endsAreInSequence: false })
    assert.deepEqual(column('convention'), [...new Set([...both, ...whole].map(({ convention }) => convention))].sort())
  })
})

describe('docs/rerank.md', () => {
  let service: RunningService
  before(async () => {
    service = await startService(COUNTED)
  })
  after(() => service.stop())

  const PAGE = 'docs/rerank.md'
  for (const [index, command] of curlBlocks(PAGE).entries()) {
    test(`the answer that it shows is the answer of the service: ${command.slice(0, 45)}...`, async () => {
      assertContains(await answerOf(command, service), JSON.parse(codeBlocks(read(PAGE), 'json')[index] ?? ''), '')
    })
  }

  test('has a command for each shape and one for a baseline', () => assert.equal(curlBlocks(PAGE).length, 3))

  test('lists every normalization, and no other', () => {
    const table = read(PAGE).split('\n| `normalization` | `normalized_log_prob` |')[1]?.split('\n\n')[0] ?? ''
    const listed = table.split('\n').flatMap((row) => /^\| `(\w+)` \|/.exec(row)?.[1] ?? [])
    assert.deepEqual(listed.sort(), [...NORMALIZATIONS].sort())
  })
})

describe('docs/completions.md', () => {
  let service: RunningService
  before(async () => {
    service = await startService(COUNTED)
  })
  after(() => service.stop())

  const PAGE = 'docs/completions.md'
  curlBlocks(PAGE).forEach((command, i) => {
    test(`the answer that it shows is the answer of the service: ${command.slice(-80).trim()}`, async () => {
      assertContains(await answerOf(command, service), JSON.parse(codeBlocks(read(PAGE), 'json')[i] ?? ''), '')
    })
  })

  test('lists every field that the schema knows', () => {
    const section = read(PAGE).split('\n## Request\n')[1]?.split('\n## Response\n')[0] ?? ''
    const missing = Object.keys(COMPLETIONS_REQUEST.properties).filter((field) => !section.includes(`\`${field}\``) && !field.endsWith('_penalty'))
    assert.deepEqual(missing, [])
  })
})

describe('documents', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'bench/README.md',
    'bench/peers/README.md',
    'models/logpr-tiny-en/README.md',
    'scripts/train-embedded/README.md',
    ...readdirSync(join(PACKAGE_FOLDER, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => `docs/${file}`)
  ]
  for (const page of pages) {
    test(`${page} links only to files that exist`, () => {
      const targets = [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)].map(([, target]) => normalize(join(dirname(page), target ?? '')))
      assert.deepEqual(
        targets.filter((target) => !existsSync(join(PACKAGE_FOLDER, target))),
        []
      )
    })

    test(`${page} links only to headings that exist`, () => {
      const targets = [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)#]*)#([^)]+)\)/g)].map(([, path = '', anchor = '']) => ({
        file: path === '' ? page : normalize(join(dirname(page), path)),
        anchor
      }))
      assert.deepEqual(
        targets.filter(({ file, anchor }) => existsSync(join(PACKAGE_FOLDER, file)) && !anchorsOf(read(file)).includes(anchor)),
        []
      )
    })
  }
})

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-')
  )
}

/** Every field of `part` is in `whole` with the same value; numbers to the three decimals that are shown. */
function assertContains(whole: unknown, part: unknown, path: string): void {
  if (typeof part === 'number' && !Number.isInteger(part)) assert.ok(Math.abs((whole as number) - part) <= 1e-3, `${path}: ${whole} is not ${part}`)
  else if (typeof part === 'object' && part !== null)
    for (const [key, value] of Object.entries(part)) assertContains((whole as Record<string, unknown>)[key], value, `${path}/${key}`)
  else assert.equal(whole, part, path)
}
