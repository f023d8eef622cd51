import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { generatedPages } from '../scripts/generated-pages.ts'
import { PACKAGE_FOLDER } from '../src/package-info.ts'
import { type RunningService, startService } from './support/running-service.ts'

const run = promisify(execFile)
const read = (path: string): string => readFileSync(join(PACKAGE_FOLDER, path), 'utf8')
const codeBlocks = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block]) => block ?? '')

describe('generated pages are up to date (npm run docs)', async () => {
  for (const [path, content] of await generatedPages()) {
    test(path, () => assert.equal(read(path), content))
  }
})

describe('README', () => {
  let service: RunningService
  before(async () => {
    service = await startService()
  })
  after(() => service.stop())

  for (const block of codeBlocks(read('README.md'), 'bash').filter((text) => text.startsWith('curl'))) {
    test(`its command works: ${block.slice(0, 60)}...`, async () => {
      const { stdout } = await run('bash', ['-c', block.replaceAll('http://127.0.0.1:8080', service.url)])
      const answer = JSON.parse(stdout) as { object?: string; results?: { error?: unknown }[] }
      assert.equal(answer.object, 'logprob')
      assert.ok(answer.results?.every(({ error }) => error === undefined))
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
    const [command] = codeBlocks(read('README.md'), 'bash').filter((text) => text.startsWith('curl'))
    const [shown] = codeBlocks(read('README.md'), 'json')
    const { stdout } = await run('bash', ['-c', (command ?? '').replaceAll('http://127.0.0.1:8080', service.url)])
    assertContains(JSON.parse(stdout), JSON.parse(shown ?? ''), '')
  })

  test('stays under 200 lines', () => {
    assert.ok(read('README.md').split('\n').length < 200)
  })
})

describe('documents', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
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
  }
})

/** Every field of `part` is in `whole` with the same value; numbers to the three decimals that are shown. */
function assertContains(whole: unknown, part: unknown, path: string): void {
  if (typeof part === 'number' && !Number.isInteger(part)) assert.ok(Math.abs((whole as number) - part) <= 1e-3, `${path}: ${whole} is not ${part}`)
  else if (typeof part === 'object' && part !== null)
    for (const [key, value] of Object.entries(part)) assertContains((whole as Record<string, unknown>)[key], value, `${path}/${key}`)
  else assert.equal(whole, part, path)
}
