import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { codeBlocks, readPage } from '../support/page-blocks.ts'
import { present } from '../support/present.ts'
import { logpr, onTerminal, WITH_TERMINAL } from '../support/run-logpr.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface Result {
  readonly object: string
  readonly index: number
  readonly file?: string
  readonly line?: number
  readonly log_prob: number
  readonly counts: { readonly tokens: number; readonly bytes: number }
  readonly perplexity: { readonly per_token: number }
  readonly bucket?: string
  readonly statistics?: Readonly<Record<string, number>>
  readonly texts?: number
  readonly error?: { readonly code: string }
}

const resultsOf = (stdout: string): Result[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Result)

const PROSE = readFileSync(join(PACKAGE_FOLDER, 'scripts', 'golden', 'sentences.txt'), 'utf8')
/** Long enough to be tokenized in pieces. */
const BOOK = PROSE.slice(0, 20_000)

describe('logpr perplexity with files', () => {
  test('scores each file as one text, in pieces, as a single line of the same text', async (t) => {
    const cwd = tempFolder(t, {
      'book.txt': `\ufeff${BOOK}`,
      'book.jsonl': `${JSON.stringify({ text: BOOK })}\n`,
      'empty.txt': '',
      'latin.txt': Buffer.of(0x61, 0x20, 0xe9)
    })
    const options = ['--window', 'disjoint', '--max-length', '128']
    const files = await logpr(['perplexity', 'book.txt', 'empty.txt', 'latin.txt', ...options, '--summary'], { cwd })
    const [book, empty, latin, corpus] = resultsOf(files.stdout)
    assert.equal(files.code, 1)
    assert.deepEqual([book?.file, book?.line, book?.index], ['book.txt', undefined, 0])
    assert.deepEqual([empty?.error?.code, latin?.error?.code, corpus?.object, corpus?.texts], ['invalid_request', 'invalid_utf8', 'perplexity.corpus', 1])
    assert.match(files.stderr, /^3 files done in .*: 1 result, 2 errors, the first invalid_request at empty\.txt$/m)

    const lines = await logpr(['perplexity', 'book.jsonl', '--field', 'text', ...options], { cwd })
    const [line] = resultsOf(lines.stdout)
    assert.deepEqual(line?.counts, book?.counts)
    assert.equal(line?.log_prob.toFixed(6), book?.log_prob.toFixed(6))
    assert.equal(line?.counts.bytes, Buffer.byteLength(BOOK))
  })

  test('prints one number per line, nan where there is none', async (t) => {
    const lines = ['The cat sat on the mat.', '', 'Mat the on sat cat the.\r', 'a', '\u2028 no end of a line']
    const cwd = tempFolder(t, { 'lines.txt': lines.join('\n') })
    const { code, stdout, stderr } = await logpr(['perplexity', 'lines.txt', '--per', 'line', '--number', '--quantiles', '0,1'], { cwd })
    const numbers = stdout.trim().split('\n').map(Number)
    assert.deepEqual([code, numbers.length], [1, 5])
    assert.deepEqual(numbers.map(Number.isNaN), [false, true, false, true, false])
    assert.ok(present(numbers[0]) < present(numbers[2]))
    const sorted = numbers.filter((each) => !Number.isNaN(each)).sort((a, b) => a - b)
    assert.match(stderr, new RegExp(`3 texts, .* 0 at ${present(sorted[0]).toFixed(3)}, 1 at ${present(sorted[2]).toFixed(3)}`))
  })

  test('puts the field of each line into a bucket, from standard input', async () => {
    const input = `${JSON.stringify({ id: 1, raw: 'The cat sat on the mat.' })}\n{"id":2}\nno json\n[]\n${JSON.stringify({ raw: 'Zyx qq vlorp 17 !! wug.' })}\n`
    const { code, stdout } = await logpr(['perplexity', '--field', 'raw', '--cutoffs', '1000,1e6', '--statistics', 'min_k,zlib_ratio'], { input })
    const results = resultsOf(stdout)
    assert.equal(code, 1)
    assert.deepEqual(
      results.map(({ line, bucket, error }) => [line, bucket ?? error?.code]),
      [
        [1, 'head'],
        [2, 'invalid_request'],
        [3, 'invalid_json'],
        [4, 'invalid_request'],
        [5, results[4]?.bucket]
      ]
    )
    assert.notEqual(results[4]?.bucket, 'head')
    assert.deepEqual(Object.keys(present(results[0]?.statistics)), ['min_k', 'zlib_ratio'])
  })

  test('prints the numbers of docs/guides/perplexity.md', async (t) => {
    const page = readPage('docs/guides/perplexity.md')
    const body = /-d '(\{"texts".*)'$/m.exec(page)?.[1]
    const { texts } = JSON.parse(present(body)) as { texts: readonly string[] }
    const cwd = tempFolder(t, { 'web.jsonl': texts.map((text) => `${JSON.stringify({ text })}\n`).join('') })
    const [command] = codeBlocks(page, 'bash').filter((block) => block.includes('web.jsonl'))
    const argv = present(/logpr (.*?) \|/.exec(present(command))?.[1]).split(' ')
    const { stdout } = await logpr(argv, { cwd })
    const shown = stdout
      .trim()
      .split('\n')
      .map((number) => `${Number(number).toFixed(1)}\n`)
    assert.equal(shown.join(''), codeBlocks(page, 'text')[0])
  })

  test('names the flag that is wrong', async (t) => {
    const cwd = tempFolder(t, { 'a.txt': 'a b' })
    for (const [flags, message] of [
      [['--stride', '600'], /--stride is 600, and must be below max-length/],
      [['--max-length', '9999'], /--max-length is 9999, but this model's context is 512/],
      [['--window', 'disjoint', '--stride', '3'], /--stride belongs to window strided/],
      [['--cutoffs', '3,2'], /--cutoffs must be two perplexities in ascending order/],
      [['--quantiles', '0.5,2'], /--quantiles must be numbers from 0 to 1/],
      [['--statistics', 'min_k'], /--statistics need the whole text/],
      [['--per', 'file', '--field', 'text'], /--field reads JSON Lines/],
      [['none.txt'], /there is no file "none\.txt"/]
    ] as const) {
      const { code, stdout, stderr } = await logpr(['perplexity', 'a.txt', ...flags], { cwd })
      assert.deepEqual([code, stdout], [2, ''], flags.join(' '))
      assert.match(stderr, message)
    }
  })

  test('shows a table on a terminal', WITH_TERMINAL, async (t) => {
    const cwd = tempFolder(t, { 'a.txt': 'The children ran down to the river.' })
    const { code, output } = await onTerminal('logpr perplexity a.txt --prefix single', [], cwd)
    assert.equal(code, 0)
    assert.match(output, / per token +per word +per byte +bits\/byte +log Pr +tokens +words {2}text\r\n +\d+\.\d{3} .* 7 {2}a\.txt\r\n/)
  })
})
