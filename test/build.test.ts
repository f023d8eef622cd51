/** scripts/build.mjs and bin/logpr.mjs: what is built, and that a stale build is never run. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { accessSync, constants, copyFileSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { tempFolder } from './support/temp-folder.ts'

const TSCONFIG = { compilerOptions: { module: 'nodenext', rootDir: '.', outDir: 'dist', types: [], sourceMap: true }, include: ['src'] }
const MAIN = join('src', 'main.ts')

/** A clone with one source, which prints `text`, and the compiler of this one. */
function clone(t: TestContext, text: string): string {
  const root = tempFolder(t, {
    'tsconfig.json': JSON.stringify(TSCONFIG),
    'package.json': '{"type":"module"}',
    'package-lock.json': '{}',
    [MAIN]: printing(text)
  })
  symlinkSync(join(PACKAGE_FOLDER, 'node_modules'), join(root, 'node_modules'))
  for (const file of ['bin/logpr.mjs', 'scripts/build.mjs']) {
    mkdirSync(join(root, file, '..'), { recursive: true })
    copyFileSync(join(PACKAGE_FOLDER, file), join(root, file))
  }
  return root
}

/** Without types, `console` is unknown to the compiler. */
const printing = (text: string): string => `declare const console: { log(text: string): void }\nconsole.log(${JSON.stringify(text)})\nexport {}\n`

function start(root: string): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin', 'logpr.mjs')], { encoding: 'utf8' })
  return { code: status, stdout: stdout.trim(), stderr }
}

describe('a start in a clone', () => {
  test('says that it builds, and builds once', (t) => {
    const root = clone(t, 'first')
    const first = start(root)
    assert.deepEqual([first.code, first.stdout], [0, 'first'])
    assert.match(first.stderr, /^logpr: building, because there is no complete build yet\nlogpr: built in [\d.]+ s\n$/)
    assert.deepEqual(start(root), { code: 0, stdout: 'first', stderr: '' })
  })

  test('builds an edited source, even if its size and time are those of before', (t) => {
    const root = clone(t, 'first')
    start(root)
    const source = join(root, MAIN)
    const { atime, mtime } = statSync(source)
    writeFileSync(source, printing('later'))
    utimesSync(source, atime, mtime)
    assert.equal(start(root).stdout, 'later')
  })

  test('builds again if something else has written to dist/', (t) => {
    const root = clone(t, 'right')
    start(root)
    writeFileSync(join(root, 'dist', 'src', 'main.js'), 'console.log("wrong")\n')
    assert.equal(start(root).stdout, 'right')
  })

  test('deletes the output of a source that is gone', (t) => {
    const root = clone(t, 'text')
    writeFileSync(join(root, 'src', 'other.ts'), 'export const other = 1\n')
    start(root)
    const output = join(root, 'dist', 'src', 'other.js')
    assert.ok(existsSync(output))
    spawnSync('rm', [join(root, 'src', 'other.ts')])
    start(root)
    assert.deepEqual([existsSync(output), existsSync(`${output}.map`)], [false, false])
  })

  test('does not run what failed to compile, not even the next time', (t) => {
    const root = clone(t, 'text')
    writeFileSync(join(root, MAIN), 'const text: string = 1\n')
    for (const { code, stdout, stderr } of [start(root), start(root)]) {
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, /Type 'number' is not assignable to type 'string'[\s\S]*the build failed \(exit code/)
    }
  })

  test('names the command that installs a missing compiler', (t) => {
    const root = clone(t, 'text')
    spawnSync('rm', [join(root, 'node_modules')])
    const { code, stderr } = start(root)
    assert.equal(code, 1)
    assert.match(stderr, /the compiler is not installed; run npm ci/)
  })
})

describe('the program of the package', () => {
  test('is executable and begins with the line that finds Node', () => {
    const { bin } = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'package.json'), 'utf8')) as { readonly bin: Readonly<Record<string, string>> }
    const program = join(PACKAGE_FOLDER, bin.logpr ?? '')
    accessSync(program, constants.X_OK)
    assert.match(readFileSync(program, 'utf8'), /^#!\/usr\/bin\/env node\n/)
  })
})
