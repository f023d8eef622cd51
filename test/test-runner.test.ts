/** scripts/run-tests.mjs: what it runs, and that nothing that fails is taken for passed. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { plannedProcesses } from '../scripts/test-plan.ts'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { tempFolder } from './support/temp-folder.ts'

const SEPARATE = ['containers', 'e2e', 'interop', 'slow']
const filesOf = (...wanted: string[]): string[] => plannedProcesses(wanted).flatMap(({ files }) => files)

describe('the plan of the tests', () => {
  test('has every test file once, by default or in a suite of its own', () => {
    const all = readdirSync(join(PACKAGE_FOLDER, 'test'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'))
    assert.deepEqual([...filesOf(), ...filesOf(...SEPARATE)].sort(), all.sort())
    assert.ok(filesOf().every((file) => !SEPARATE.some((suite) => file.startsWith(`${suite}/`))))
  })

  test('takes a folder or a file, with or without test/ in front', () => {
    assert.deepEqual(filesOf('http/logprob.test.ts'), ['http/logprob.test.ts'])
    assert.deepEqual(filesOf('test/scoring'), filesOf('scoring'))
    assert.ok(filesOf('scoring').length > 1 && filesOf('scoring').every((file) => file.startsWith('scoring/')))
    assert.deepEqual(filesOf('no-such-folder'), [])
  })

  test('leaves alone what says that it needs its own process, and whole processes', () => {
    const alone = plannedProcesses([]).filter(({ name }) => name.includes('/'))
    assert.ok(alone.some(({ files: [file] }) => file === 'engine/process-engine.test.ts'))
    assert.ok([...alone, ...plannedProcesses(['e2e'])].every(({ files }) => files.length === 1))
  })
})

/** What becomes of files that are run together. */
function outcomeOf(t: TestContext, files: Readonly<Record<string, string>>): { readonly code: number | null; readonly output: string } {
  const folder = tempFolder(t, files)
  const program = pathToFileURL(join(PACKAGE_FOLDER, 'dist', 'scripts', 'test-process.js')).href
  const entry = join(folder, 'entry.mjs')
  writeFileSync(
    entry,
    `import { declareFiles } from ${JSON.stringify(program)}\nawait declareFiles(${JSON.stringify(Object.keys(files).map((name) => join(folder, name)))})\n`
  )
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--test-reporter=spec', entry], { env, encoding: 'utf8' })
  return { code: status, output: stdout + stderr }
}

describe('files that share a process', () => {
  const HEAD = `import { after, before, test } from 'node:test'\n`
  const PASSING = `${HEAD}before(() => console.log('begin', import.meta.url.slice(-5)))\nafter(() => console.log('end', import.meta.url.slice(-5)))\ntest('one', () => {})\n`

  test('are told by name, each with hooks of its own, one after another', (t) => {
    const { code, output } = outcomeOf(t, { 'a.mjs': PASSING, 'b.mjs': PASSING })
    assert.equal(code, 0)
    assert.deepEqual(output.match(/^(begin|end) .*/gm), ['begin a.mjs', 'end a.mjs', 'begin b.mjs', 'end b.mjs'])
    assert.match(output, /^✔ .*a\.mjs .*\n(?:.*\n)*✔ .*b\.mjs /m)
  })

  for (const [what, source] of [
    ['a test that fails', `${HEAD}test('one', () => { throw new Error('no') })\n`],
    ['a file that throws when it is loaded', `throw new Error('no')\n`],
    ['a file that cannot be parsed', 'import { from\n'],
    ['a hook that fails', `${HEAD}before(() => { throw new Error('no') })\ntest('one', () => {})\n`]
  ] as const) {
    test(`fail for ${what}, and the others run all the same`, (t) => {
      const { code, output } = outcomeOf(t, { 'a.mjs': PASSING, 'b.mjs': source, 'c.mjs': PASSING })
      assert.equal(code, 1, output)
      assert.match(output, /^end c\.mjs$/m)
    })
  }
})
