/** JavaScript of README and of guides, compiled and run where logpr is installed as a package. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { codeBlocks, readPage } from '../../support/page-blocks.ts'
import { type RunningService, startService } from '../../support/running-service.ts'

const run = promisify(execFile)

let service: RunningService
let folder: string
before(async () => {
  service = await startService()
  folder = mkdtempSync(join(tmpdir(), 'logpr-test-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(PACKAGE_FOLDER, join(folder, 'node_modules', 'logpr'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
})
after(async () => {
  await service.stop()
  rmSync(folder, { recursive: true })
})

const PAGES = { 'README.md': 1, 'docs/guides/clients.md': 3, 'docs/guides/teachers.md': 1 } as const

for (const [page, count] of Object.entries(PAGES))
  describe(page, () => {
    const blocks = codeBlocks(readPage(page), 'js')

    test('has its snippets', () => assert.equal(blocks.length, count))

    blocks.forEach((block, i) => {
      test(`snippet ${i + 1} compiles with strict types, runs and prints scores`, async () => {
        const name = `${page.replaceAll(/\W/g, '-')}-${i}`
        writeFileSync(join(folder, `${name}.ts`), block)
        const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,dom,dom.iterable', '--types', '']
        await run(process.execPath, [join(PACKAGE_FOLDER, 'node_modules', 'typescript', 'bin', 'tsc'), ...flags, `${name}.ts`], { cwd: folder }).catch(
          ({ stdout }: { stdout: string }) => assert.fail(stdout)
        )
        writeFileSync(join(folder, `${name}.js`), block.replaceAll('http://127.0.0.1:8080', service.url))
        const { stdout, stderr } = await run(process.execPath, [`${name}.js`], { cwd: folder })
        assert.match(stdout, /-\d+\.\d+|logprob\.result/)
        assert.equal(stderr, '')
      })
    })
  })
