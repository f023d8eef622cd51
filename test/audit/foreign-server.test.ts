/**
 * llama-cpp-python, a server of other people: its recorded answers, and the server itself where FOREIGN_PYTHON names a
 * Python that has it and gguf (.ci/run).
 */

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { audit } from '../../src/audit/audit.ts'
import { PeerClient } from '../../src/peer/peer-client.ts'
import { scorePrompts } from '../../src/peer/score-prompts.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { writeCheckpoint } from '../interop/support/checkpoint.ts'
import { type AnsweringServer, startAnswering } from '../support/answering-server.ts'
import type { EchoedAnswer } from '../support/faulty-peer.ts'
import { freePorts } from '../support/free-port.ts'
import { type ListeningApp, listen } from '../support/http-app.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** 16-bit keys and values of llama.cpp: largest difference seen over 1,300 tokens, 0.0033 nats. */
const LLAMA_CPP_NATS = 0.01

/** bfloat16 of vLLM: largest difference seen over 790 tokens, 0.076 nats. */
const BFLOAT16_NATS = 0.1

interface Recorded {
  readonly request: { readonly prompt: string }
  readonly with_bos: EchoedAnswer
  readonly without_bos: EchoedAnswer
}

const recorded = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'audit', 'llama-cpp-python.json'), 'utf8')) as Recorded

describe('recorded answers of llama-cpp-python', () => {
  let app: ListeningApp
  const servers: AnsweringServer[] = []
  before(async () => {
    app = await listen()
  })
  after(() => Promise.all([app.close(), ...servers.map((server) => server.close())]))

  async function clientOf(answer: EchoedAnswer): Promise<PeerClient> {
    const server = await startAnswering(() => ({ body: answer }))
    servers.push(server)
    return new PeerClient({ url: server.url, model: null, apiKey: null, timeoutMs: 5000, concurrency: 1 })
  }

  test('with a BOS that it hides, they are the log-probabilities of logpr', async () => {
    const { prompt } = recorded.request
    const [scores] = await scorePrompts(await clientOf(recorded.with_bos), [prompt], { topCount: 2 })
    const here = new PeerClient({ url: app.url, model: null, apiKey: null, timeoutMs: 30_000, concurrency: 1 })
    const [own] = await scorePrompts(here, [`<|endoftext|>${prompt}`], { topCount: 2 })
    assert.equal(scores?.positions.length, (own?.positions.length ?? 0) - 1)
    const differences =
      scores?.positions.slice(1).map(({ logProb }, i) => Math.abs((logProb ?? Number.NaN) - (own?.positions[i + 2]?.logProb ?? Number.NaN))) ?? []
    assert.ok(differences.length > 5 && Math.max(...differences) < LLAMA_CPP_NATS, String(differences))
  })

  test('without a BOS, the client refuses them, because every row is one position late', async () => {
    const client = await clientOf(recorded.without_bos)
    await assert.rejects(
      scorePrompts(client, [recorded.request.prompt], { topCount: 2 }),
      /expected 8; the last row predicts the token behind it, so every row is one position late/
    )
  })
})

test('a recorded answer of vLLM 0.32 in bfloat16 has the log-probabilities of logpr, in both lists', async () => {
  const app = await listen()
  const server = await startAnswering(() => ({ body: readFileSync(join(PACKAGE_FOLDER, 'test', 'audit', 'vllm.json'), 'utf8') }))
  try {
    const clientOf = (url: string): PeerClient => new PeerClient({ url, model: null, apiKey: null, timeoutMs: 30_000, concurrency: 1 })
    const { prompt } = recorded.request
    const { choices } = await clientOf(server.url).complete({ prompts: [prompt], form: 'echo', topCount: 2, maxTokens: 1 })
    const [own] = await scorePrompts(clientOf(app.url), [prompt], { topCount: 2 })
    for (const list of [choices[0]?.echo?.slice(0, -1), choices[0]?.promptLogprobs]) {
      assert.equal(list?.length, own?.positions.length)
      const differences = list?.slice(1).map(({ logProb }, i) => Math.abs((logProb ?? Number.NaN) - (own?.positions[i + 1]?.logProb ?? Number.NaN))) ?? []
      assert.ok(differences.length > 5 && Math.max(...differences) < BFLOAT16_NATS, String(differences))
    }
  } finally {
    await Promise.all([app.close(), server.close()])
  }
})

const PYTHON = process.env.FOREIGN_PYTHON

describe('llama-cpp-python', { skip: PYTHON === undefined && 'FOREIGN_PYTHON names no Python with llama_cpp and gguf' }, () => {
  const children: ChildProcess[] = []
  after(() => children.map((child) => child.kill()))

  for (const [name, flags, expected] of [
    ['with a BOS: only max_tokens 0, which has no limit', ['--add-bos'], ['max_tokens_zero']],
    ['without a BOS: every row is one position late', [], ['list_lengths', 'max_tokens_zero']]
  ] as const) {
    test(name, async (t) => {
      const folder = tempFolder(t)
      await writeCheckpoint(join(folder, 'checkpoint'))
      const file = join(folder, 'model.gguf')
      execFileSync(PYTHON ?? '', [join(PACKAGE_FOLDER, 'test', 'audit', 'write_gguf.py'), join(folder, 'checkpoint'), file, ...flags])
      const [port] = await freePorts(1)
      children.push(
        spawn(PYTHON ?? '', ['-m', 'llama_cpp.server', '--model', file, '--logits_all', 'true', '--n_ctx', '512', '--port', String(port)], { stdio: 'ignore' })
      )
      const client = new PeerClient({ url: `http://127.0.0.1:${port}`, model: null, apiKey: null, timeoutMs: 120_000, concurrency: 2 })
      for (let tries = 0; (await client.models().catch(() => null)) === null; tries++) {
        assert.ok(tries < 600, 'the server did not start')
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      const { signal } = new AbortController()
      const report = await audit({ client, seed: 1, tolerance: LLAMA_CPP_NATS, concurrency: 2, maxTokens: 300, reference: null, signal, onStep: () => {} })
      assert.deepEqual(
        report.checks.filter(({ status }) => status === 'fail').map(({ id }) => id),
        expected
      )
    })
  }
})
