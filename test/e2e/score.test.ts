import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { present } from '../support/present.ts'
import { logpr, onTerminal, WITH_TERMINAL } from '../support/run-logpr.ts'
import { MAIN } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface Result {
  readonly index: number
  readonly id: string | null
  readonly candidate: number
  readonly file?: string
  readonly line?: number
  readonly log_prob?: Readonly<Record<string, number>>
  readonly tokens?: readonly { readonly top?: readonly unknown[] }[]
  readonly checks?: { readonly items: readonly { readonly id: string }[] }
  readonly error?: { readonly code: string; readonly message: string; readonly param?: string }
}

const resultsOf = (stdout: string): Result[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Result)

const pair = (id: string, y: unknown = ' river'): string => JSON.stringify({ id, x: 'The children ran down to the', y })
const manyPairs = (count: number): string =>
  Array.from({ length: count }, (_, i) => `${JSON.stringify({ id: `n${i}`, x: `Once upon a time ${i}`, y: ` there ${i}` })}\n`).join('')

describe('logpr score with files', () => {
  test('scores every file and pattern in order; failed lines keep id, file and line, and name the field', async (t) => {
    const cwd = tempFolder(t, {
      'b.jsonl': `${pair('b1', [' river', ' sea'])}\n\n{"id":"b3","x":"a"}\nno json\n{"x":[5,6],"y":[7]}`,
      'data/1.jsonl': `\ufeff${pair('one')}\n`,
      'data/2.jsonl': `{"id":"p","prompt":"a","y":"b"}\n{"id":"q","x":3,"y":"b"}\n{"id":"r","x":"a","y":"b","terms":["joint"]}\n{"id":"s","x":"a\u2028","y":"b"}\n`,
      'data/note.txt': 'no pairs'
    })
    const { code, stdout, stderr } = await logpr(['score', 'b.jsonl', 'data/*.jsonl', '--terms', 'conditional'], { cwd })
    const results = resultsOf(stdout)

    assert.equal(code, 1)
    assert.deepEqual(
      results.map(({ index, id, candidate, file, line, error }) => [index, id, candidate, file, line, error?.code, error?.param]),
      [
        [0, 'b1', 0, 'b.jsonl', 1, undefined, undefined],
        [1, 'b1', 1, 'b.jsonl', 1, undefined, undefined],
        [2, 'b3', 0, 'b.jsonl', 3, 'invalid_request', 'y'],
        [3, null, 0, 'b.jsonl', 4, 'invalid_json', undefined],
        [4, null, 0, 'b.jsonl', 5, undefined, undefined],
        [5, 'one', 0, 'data/1.jsonl', 1, undefined, undefined],
        [6, 'p', 0, 'data/2.jsonl', 1, 'invalid_request', 'prompt'],
        [7, 'q', 0, 'data/2.jsonl', 2, 'invalid_request', 'x'],
        [8, 'r', 0, 'data/2.jsonl', 3, 'invalid_request', 'terms'],
        [9, 's', 0, 'data/2.jsonl', 4, undefined, undefined]
      ]
    )
    assert.match(present(results[6]?.error).message, /did you mean x\?$/)
    assert.match(present(results[8]?.error).message, /--terms on the command line/)
    assert.deepEqual(Object.keys(present(results[0]?.log_prob)), ['conditional'])
    assert.match(stderr, /^9 lines done in .*: 5 results, 5 errors, the first invalid_request at b\.jsonl line 3$/m)
  })

  test('names every file that is missing, before it loads a model', async (t) => {
    const cwd = tempFolder(t, { 'a.jsonl': pair('a') })
    const { code, stdout, stderr } = await logpr(['score', 'a.jsonl', 'none.jsonl', 'x/*.jsonl', '.'], { cwd })
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /there is no file "none\.jsonl" .*; no file matches "x\/\*\.jsonl"; "\." is a folder; name its files/)
  })

  test('invalid UTF-8 fails its line alone', async (t) => {
    const file = join(tempFolder(t, { 'a.jsonl': Buffer.concat([Buffer.from('{"x":"a\xff","y":"b"}\n', 'latin1'), Buffer.from(pair('a'))]) }), 'a.jsonl')
    const { stdout } = await logpr(['score', file])
    assert.deepEqual(
      resultsOf(stdout).map(({ error }) => error?.code),
      ['invalid_utf8', undefined]
    )
  })

  test('a reader that has seen enough ends it quietly', async (t) => {
    const cwd = tempFolder(t, { 'many.jsonl': manyPairs(2000) })
    const command = `'${process.execPath}' '${MAIN}' score many.jsonl 2> errors | head -n 1; echo "\${PIPESTATUS[0]}"`
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { cwd })
    assert.match(stdout, /^\{"object":"logprob\.result","index":0,.*\}\n0\n$/)
    assert.equal(readFileSync(join(cwd, 'errors'), 'utf8'), '')
  })
})

describe('logpr score with flags', () => {
  test('takes the options of the API', async () => {
    const flags = ['--detail', 'tokens', '--top-logprobs', '2', '--verify', 'deep', '--eos', 'score', '--terms', 'joint, conditional']
    const { code, stdout } = await logpr(['score', '--x', 'Once upon a', '--y', ' time', '--y', '', ...flags])
    const [first, second] = resultsOf(stdout)

    assert.equal(code, 0)
    assert.deepEqual([first?.candidate, second?.candidate, first?.line, first?.file], [0, 1, undefined, undefined])
    assert.deepEqual(Object.keys(present(first?.log_prob)), ['joint', 'conditional'])
    assert.equal(first?.tokens?.at(-1)?.top?.length, 2)
    assert.ok(present(first?.checks).items.length > present((await standard()).checks).items.length)

    async function standard(): Promise<Result> {
      return present(resultsOf((await logpr(['score', '--x', 'Once upon a', '--y', ' time'])).stdout)[0])
    }
  })

  test('renders messages as a line with messages is rendered', async () => {
    const messages = [{ role: 'user', content: 'Hi' }]
    const [flags, line] = await Promise.all([
      logpr(['score', '--messages', JSON.stringify(messages), '--y', 'Hello']),
      logpr(['score'], { input: JSON.stringify({ messages, y: 'Hello' }) })
    ])
    const [fromFlags, fromLine] = [flags, line].map(({ stdout }) => present(resultsOf(stdout)[0]))
    assert.ok(present(fromFlags?.log_prob).joint)
    assert.deepEqual({ ...fromFlags, line: 1 }, fromLine)
  })

  const REFUSED: readonly [readonly string[], RegExp][] = [
    [['--x', 'a'], /--x needs --y/],
    [['--y', 'a'], /--y needs --x or --messages/],
    [['--x', 'a', '--messages', '[]', '--y', 'b'], /exclude each other/],
    [['--messages', 'Hi', '--y', 'b'], /--messages must be JSON/],
    [['--x', 'a', '--y', 'b', 'file.jsonl'], /give either files or --x and --y/],
    [['--x', 'a', '--y', 'b', '--terms', 'joint,all'], /--terms must be equal to one of the allowed values: joint, marginal, conditional/],
    [['--x', 'a', '--y', 'b', '--top-logprobs', '21'], /--top-logprobs must be <= 20/],
    [['--x', 'a', '--y', 'b', '--port', '1'], /--port has no effect on logpr score/]
  ]
  for (const [argv, message] of REFUSED) {
    test(`refuses ${argv.join(' ')}`, async () => {
      const { code, stdout, stderr } = await logpr(['score', ...argv])
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, message)
    })
  }
})

describe('logpr score on a terminal', WITH_TERMINAL, () => {
  test('shows a table, and obeys no control character of a text', async (t) => {
    const cwd = tempFolder(t, { 'a.jsonl': `${pair('a\u009b', ' sea\u001b[31m\u202e')}\n{"id":"b","x":"a"}\n` })
    const { code, output } = await onTerminal('logpr score a.jsonl', [], cwd)

    assert.equal(code, 1)
    assert.match(output, / line {2}log Pr\(y\|x\) +log Pr\(x\) +log Pr\(x,y\) {2}checks {2}y\r\n/)
    assert.match(output, / 1 +-\d+\.\d{4} +-\d+\.\d{4} +-\d+\.\d{4} {2}pass +a\\u\{9b\}: " sea\\u001b\[31m\\u\{202e\}"\r\n/)
    assert.match(output, / 2 {2}b: error invalid_request: y is missing/)
  })

  test('prints JSON Lines with --json', async () => {
    const { output } = await onTerminal("logpr score --x 'Once upon a' --y ' time' --json")
    assert.match(output, /\{"object":"logprob\.result","index":0,"id":null,/)
  })

  test('says that it waits for lines, and answers each one at once', async () => {
    const { code, output } = await onTerminal('logpr score', [
      ['Ctrl-D', `${pair('first')}\n`],
      ['first: " river"', `${pair('second')}\n`],
      ['second: " river"', '\u0004']
    ])
    assert.equal(code, 0)
    assert.match(output, /^logpr: reading JSON Lines from this terminal/)
  })

  test('leaves no half line when the reader of its output has seen enough', async (t) => {
    const cwd = tempFolder(t, { 'many.jsonl': manyPairs(2000) })
    const { code, output } = await onTerminal('logpr score many.jsonl | head -n 200 | tail -n 1', [], cwd)
    assert.equal(code, 0)
    const afterLastState = output.slice(output.lastIndexOf(' lines done'))
    assert.ok(output.includes(' lines done') && afterLastState.includes('\r\u001b[2K'))
  })

  test('after Ctrl-C it says what was done, leaves the results that are complete, and the terminal as it was', async (t) => {
    const cwd = tempFolder(t, { 'many.jsonl': manyPairs(20_000) })
    const { code, output } = await onTerminal('logpr score many.jsonl > out.jsonl; code=$?; exit $code', [['left', '\u0003']], cwd)
    const done = Number(/interrupted after many\.jsonl line (\d+), \1 lines done in .*: \1 results, no errors\r\n/.exec(output)?.[1])

    assert.equal(code, 130)
    assert.ok(done > 0 && done < 20_000)
    assert.equal(resultsOf(readFileSync(join(cwd, 'out.jsonl'), 'utf8')).at(-1)?.line, done)
    assert.match(output, /\d+ % of \d\.\d MiB, \d+ lines done, .* left/)
    // Neither hides the cursor nor turns off line wrapping.
    assert.ok(!output.includes('\u001b[?'))
  })
})
