/** `logpr audit` as a process, and the example of its guide. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { startAnswering } from '../support/answering-server.ts'
import { type PlantedFault, startFaultyPeer } from '../support/faulty-peer.ts'
import { codeBlocks, readPage } from '../support/page-blocks.ts'
import { present } from '../support/present.ts'
import { MAIN, type RunningService, startService } from '../support/running-service.ts'

const run = promisify(execFile)

let service: RunningService
before(async () => {
  service = await startService()
})
after(() => service.stop())

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function auditCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return run(process.execPath, [MAIN, 'audit', ...args], { env: { ...process.env, ...env } }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ended) => ({ code, stdout, stderr })
  )
}

interface Report {
  readonly findings: number
  readonly checks: readonly {
    readonly id: string
    readonly status: string
    readonly findings: readonly { readonly message: string; readonly curl: readonly string[] }[]
  }[]
}

describe('logpr audit', () => {
  test('gives the table of the guide for the embedded model', async () => {
    const [command, table] = [
      present(codeBlocks(readPage('docs/guides/audit.md'), 'bash').find((block) => block.startsWith('npx logpr audit'))),
      present(codeBlocks(readPage('docs/guides/audit.md'), 'text')[0])
    ]
    const args = command.trim().replace('npx logpr audit http://127.0.0.1:8080', service.url).split(' ')
    const { code, stdout, stderr } = await auditCommand(args)
    assert.equal(code, 0, stderr)
    // The difference in the last column depends on the processor.
    const withoutDifferences = (text: string): string[] =>
      text
        .trim()
        .split('\n')
        .map((line) => line.replace(/^(\w+ +(?:pass|skipped) +\d+).*/, '$1'))
    assert.deepEqual(withoutDifferences(stdout), withoutDifferences(table))
  })

  test('compares with the model given by --model', async () => {
    const { code, stdout } = await auditCommand([service.url, '--model', 'models/logpr-tiny-en', '--tolerance', '0.0001', '--json'])
    const report = JSON.parse(stdout) as Report
    assert.equal(code, 0)
    assert.equal(report.checks.find(({ id }) => id === 'same_model')?.status, 'pass')
  })

  test('exits with 1 for a finding, whose curl command shows it without containing the key', async () => {
    const fault: PlantedFault = (_, answer) => {
      for (const { logprobs } of answer.choices) logprobs?.token_logprobs.splice(0, 1, 0)
      return answer
    }
    const server = await startFaultyPeer(service.url, new Map(), fault)
    try {
      const env = { PEER_KEY: 'sk-secret' }
      const { code, stdout } = await auditCommand([server.url, '--api-key-env', 'PEER_KEY', '--json'], env)
      assert.equal(code, 1)
      assert.ok(!stdout.includes('sk-secret'))
      assert.ok(server.received.every(({ headers }) => headers.authorization === 'Bearer sk-secret'))
      const { checks } = JSON.parse(stdout) as Report
      const [finding] = present(checks.find(({ id }) => id === 'first_token')).findings
      assert.match(present(finding).message, /^the first token has the log-probability 0, and nothing precedes it/)
      const shown = await run('bash', ['-c', present(finding?.curl[0])], { env: { ...process.env, ...env } })
      assert.equal((JSON.parse(shown.stdout) as { choices: [{ logprobs: { token_logprobs: number[] } }] }).choices[0].logprobs.token_logprobs[0], 0)
      assert.equal(server.received.at(-1)?.headers.authorization, 'Bearer sk-secret')
    } finally {
      await server.close()
    }
  })

  test('says why a server cannot be audited at all, by its exit code', async () => {
    const refusing = await startAnswering(({ path }) =>
      path === '/v1/models' ? { status: 404, body: {} } : { status: 400, body: { error: { message: 'echo is not supported' } } }
    )
    const strange = await startAnswering(() => ({ body: '<html>' }))
    const locked = await startAnswering(() => ({ status: 401, body: { error: 'no key' } }))
    try {
      for (const [args, code, message] of [
        [['http://127.0.0.1:1'], 30, /cannot be reached/],
        [[refusing.url], 31, /answered with status 400: echo is not supported/],
        [[locked.url], 31, /status 401: no key; name the environment variable/],
        [[strange.url], 32, /the response is not JSON/],
        [[], 2, /audit needs the URL of a server/],
        [[service.url, '--tolerance', '-1'], 2, /--tolerance must be a number of nats, 0 or more/],
        [[service.url, '--api-key-env', 'NO_SUCH_VARIABLE'], 2, /NO_SUCH_VARIABLE, and this environment variable is not set/],
        [[service.url, '--api-key-env', 'sk-secret'], 2, /takes the name of an environment variable, not the key itself/]
      ] as const) {
        const ended = await auditCommand(args)
        assert.equal(ended.code, code, ended.stderr)
        assert.match(ended.stderr, message)
        assert.ok(!ended.stderr.includes('sk-secret'))
      }
    } finally {
      await Promise.all([refusing.close(), strange.close(), locked.close()])
    }
  })
})
