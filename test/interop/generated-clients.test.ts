import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { logprobBody } from '../support/logprob-body.ts'
import { codeBlocks, readPage } from '../support/page-blocks.ts'
import { present } from '../support/present.ts'
import { startService } from '../support/running-service.ts'
import { runProgram } from './support/python.ts'

const PAGE = readPage('docs/reference/api-description.md')
const OPENAPI = join(PACKAGE_FOLDER, 'openapi.yaml')
/** Made by .ci/run from test/api/requirements.txt. */
const PYTHON_PROGRAMS = join(PACKAGE_FOLDER, '.venv-api', 'bin')
const PYTHON_GENERATOR = join(PYTHON_PROGRAMS, 'openapi-python-client')
const TYPESCRIPT_GENERATOR = ['-p', 'openapi-typescript@7.13.0', '-p', 'typescript@5.9.3']

/** Skipped where a tool is missing; under CI that is a failure. */
function missing(reason: string | null): { readonly skip: string | false } {
  if (reason !== null && process.env.CI === 'true') throw new Error(`${reason}: the interop suite must run in CI`)
  return { skip: reason ?? false }
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-generated-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test(
  'openapi-python-client generates a client without a warning, which reads what the service answers',
  missing(existsSync(PYTHON_GENERATOR) ? null : 'openapi-python-client is missing: see test/api/requirements.txt'),
  async (t) => {
    const folder = scratch(t)
    // It formats its output with ruff, which it looks for in PATH.
    const env = { PATH: `${PYTHON_PROGRAMS}${delimiter}${process.env.PATH}` }
    const generated = await runProgram(PYTHON_GENERATOR, ['generate', '--path', OPENAPI, '--output-path', join(folder, 'client')], env)
    assert.deepEqual([generated.code, generated.stderr, generated.stdout.trim().split('\n').length], [0, '', 1], generated.stdout)

    const service = await startService()
    t.after(() => service.stop())
    const script = join(PACKAGE_FOLDER, 'test', 'api', 'generated_client.py')
    const { code, stdout, stderr } = await runProgram(join(PYTHON_PROGRAMS, 'python'), [script, service.url], { PYTHONPATH: join(folder, 'client') })
    assert.equal(code, 0, stderr)
    const {
      results: [expected]
    } = await logprobBody(await service.post('/v1/logprob', { x: 'The children ran down to the', y: ' river.' }))
    const { conditional, ...rest } = JSON.parse(stdout) as { readonly conditional: number }
    assert.ok(Math.abs(conditional - Number(expected?.log_prob.conditional)) < 1e-4)
    assert.deepEqual(rest, {
      verdict: 'pass',
      failure: 'empty_completion',
      total_tokens: 9,
      dtype: true,
      problem: [422, 'Problem', 'empty_completion'],
      ranked: 2,
      ranks: 2,
      refused: ['TeiProblem', 'empty_completion'],
      tokens: 2,
      self_test: 'pass',
      count: 2,
      consistent: false,
      ready: 'ready'
    })

    const shown = join(folder, 'shown.py')
    writeFileSync(shown, present(codeBlocks(PAGE, 'python')[0]).replace('http://127.0.0.1:8080', service.url))
    const page = await runProgram(join(PYTHON_PROGRAMS, 'python'), [shown], { PYTHONPATH: join(folder, 'client') })
    assert.match(page.stdout, /^-\d+\.\d+ pass\n-\d+\.\d+ pass\n$/, page.stderr)
    const requirement = present(/^openapi-python-client==.*$/m.exec(readPage('test/api/requirements.txt'))?.[0])
    assert.ok(PAGE.includes(`pip install ${requirement}\n`))
  }
)

/** Uses the types as a client does; each `@ts-expect-error` fails to compile where the line has no error. */
const CONSUMER = `import type { components, operations } from './api.ts'

type Schemas = components['schemas']
export const request: Schemas['LogprobRequest'] = { x: 'The cat', y: [' sat', [464, 262]], boundary: 'auto' }
export const body: operations['scoreLogprob']['requestBody']['content']['application/json'] = request
// @ts-expect-error No such value.
export const other: Schemas['LogprobRequest'] = { x: 'The cat', y: ' sat', boundary: 'none' }
// @ts-expect-error No such field.
export const misspelt: Schemas['LogprobRequest'] = { x: 'The cat', z: ' sat' }
export const message: Schemas['Message'] = { role: 'user', content: 'Hi', further: { field: 1 } }
export const tools: Schemas['ChatCompletionsRequest'] = { messages: [message], tools: [{ type: 'function' }] }

export function conditionalOf({ results }: Schemas['LogprobResponse']): (number | string | null | undefined)[] {
  return results.map((result) => (result.object === 'logprob.failure' ? result.error.code : result.log_prob.conditional))
}
export const verdictOf = (result: Schemas['LogprobResult']): 'pass' | 'warn' | 'fail' => result.checks.verdict
export const tokensOf = (usage: Schemas['Usage'], stamp: Schemas['Stamp'], problem: Schemas['Problem']): [number, string, string | null] =>
  [usage.total_tokens, stamp.dtype, problem.error.param]
`

test('openapi-typescript generates types that compile, with one for every schema and a union of results and failures', async (t) => {
  const folder = scratch(t)
  const npx = (...command: string[]) => runProgram('npx', ['--yes', ...TYPESCRIPT_GENERATOR, ...command])
  const [types, consumer] = [join(folder, 'api.ts'), join(folder, 'consumer.ts')]
  const generated = await npx('openapi-typescript', OPENAPI, '-o', types, '--default-non-nullable', 'false')
  if (generated.code !== 0 && /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENOTCACHED/.test(generated.stderr)) return t.skip('no package registry can be reached')
  assert.equal(generated.code, 0, generated.stderr)
  assert.ok(PAGE.includes(`npx ${TYPESCRIPT_GENERATOR.join(' ')} openapi-typescript`))
  assert.doesNotMatch(readFileSync(types, 'utf8'), /Record<string, never>\[\]/)

  writeFileSync(consumer, CONSUMER)
  const compiled = await npx(
    'tsc',
    '--strict',
    '--noEmit',
    '--allowImportingTsExtensions',
    '--module',
    'nodenext',
    '--exactOptionalPropertyTypes',
    types,
    consumer
  )
  assert.equal(compiled.code, 0, compiled.stdout)
})
