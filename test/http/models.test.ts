import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { CHECK_CATALOG, type CheckId } from '../../src/scoring/checks/check.ts'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { problemBody } from '../support/logprob-body.ts'
import { withoutFrontBytes } from '../support/without-front-bytes.ts'

interface ModelBody {
  readonly execution_provider_reason: string
  readonly id: string
  readonly causal: string
  readonly dtype: string
  readonly dtype_choice: string
  readonly layout: string
  readonly numerics: object
  readonly max_model_len: number
  readonly max_model_len_source: string
  readonly vocab_size: number
  readonly stated_vocab_size: number | null
  readonly memory: {
    readonly base_bytes: number
    readonly weight_bytes: number
    readonly budget_bytes: number
    readonly front_bytes: number
    readonly total_bytes: number
  }
  readonly self_test: {
    readonly verdict: string
    readonly tolerance_nats: number
    readonly ceiling_nats: number
    readonly noise: { readonly max_nats: number; readonly p999_nats: number; readonly tokens: number }
    readonly items: readonly {
      readonly id: string
      readonly status: string
      readonly independent: boolean
      readonly value: number | null
      readonly tolerance: number | null
      readonly message: string
    }[]
    readonly took_ms: number
  }
}

let service: HttpApp
let model: ModelBody

before(async () => {
  service = await startApp()
  model = (await (await service.get('/v1/models/logpr-tiny-en')).json()) as ModelBody
})
after(() => service.close())

describe('GET /v1/models', () => {
  test('lists the model as it is by itself', async () => {
    const { object, data } = (await (await service.get('/v1/models')).json()) as { object: string; data: readonly unknown[] }
    assert.equal(object, 'list')
    assert.deepEqual(data.map(withoutFrontBytes), [withoutFrontBytes(model)])
  })

  test('says which file was chosen and why, how it is laid out and what it computes with', () => {
    const { dtype, dtype_choice, layout, numerics, max_model_len, max_model_len_source, vocab_size, stated_vocab_size } = model
    assert.deepEqual([dtype, dtype_choice, layout], ['fp32', 'auto: the only graph there is', 'decoder with past'])
    assert.deepEqual(numerics, { weights: 'float32', activations: 'float32', logits: 'float32' })
    assert.deepEqual([max_model_len, max_model_len_source], [512, 'max_position_embeddings'])
    assert.deepEqual([vocab_size, stated_vocab_size], [4096, 4096])
  })

  test('says what memory the service was predicted to need', () => {
    const { base_bytes, front_bytes, weight_bytes, budget_bytes, total_bytes } = model.memory
    const predicted = base_bytes + weight_bytes + budget_bytes
    // The front process counts as it is where it takes more than was predicted.
    assert.ok(total_bytes >= predicted && total_bytes < predicted + front_bytes, `${total_bytes} bytes, ${predicted} predicted`)
    assert.ok(weight_bytes > 10e6 && weight_bytes < 30e6, `${weight_bytes} bytes for a model file of 21 MiB`)
  })

  test('has no other: 404', async () => {
    const response = await service.get('/v1/models/gpt2')
    assert.deepEqual([response.status, (await problemBody(response)).code], [404, 'model_not_found'])
  })
})

test('execution_provider has its reason', () => {
  assert.match(model.execution_provider_reason, /^auto: /)
})

describe('self_test of a model', () => {
  test('passed, or the service would not be ready, and says how far numbers may differ', () => {
    const { verdict, tolerance_nats, ceiling_nats, noise, took_ms } = model.self_test
    assert.deepEqual([model.causal, verdict, ceiling_nats], ['exact', 'pass', 1e-3])
    assert.ok(tolerance_nats >= 1e-4 && tolerance_nats <= ceiling_nats)
    assert.ok(noise.p999_nats <= noise.max_nats && noise.max_nats < tolerance_nats)
    assert.ok(noise.tokens >= 100)
    assert.ok(took_ms > 0)
  })

  test('has every check of the start, each with a section in docs/reference/checks.md', () => {
    const page = readFileSync(join(PACKAGE_FOLDER, 'docs', 'reference', 'checks.md'), 'utf8')
    const ids = model.self_test.items.map(({ id }) => id)
    for (const id of ids) {
      assert.ok(id in CHECK_CATALOG, id)
      assert.match(page, new RegExp(`^### ${id}$`, 'm'))
    }
    const atStart = Object.entries(CHECK_CATALOG).flatMap(([id, { runs }]) => ((runs as readonly string[]).includes('start') ? [id as CheckId] : []))
    assert.deepEqual([...new Set(ids)].sort(), atStart.sort())
  })

  test('compared with the texts of canary.json, numbers and ids', () => {
    const statusesOf = (id: CheckId): string[] => model.self_test.items.filter((item) => item.id === id).map(({ status }) => status)
    assert.deepEqual(statusesOf('known_answer'), ['pass', 'pass'])
    assert.deepEqual(statusesOf('tokenizer_known_answer'), ['pass'])
  })

  test('has a value and a tolerance for whatever was measured, and skips nothing', () => {
    for (const { id, status, independent, value, tolerance, message } of model.self_test.items) {
      assert.equal(status, 'pass')
      assert.notEqual(message, '')
      if (id !== 'finite_logits') assert.deepEqual([id, independent, typeof value, typeof tolerance], [id, true, 'number', 'number'])
    }
  })
})
