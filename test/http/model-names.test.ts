import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { problemBody } from '../support/logprob-body.ts'
import { tempFolder } from '../support/temp-folder.ts'

const NAMES = [
  '../logpr-tiny-en',
  './models/logpr-tiny-en',
  '/etc/passwd',
  'file:///etc/passwd',
  'https://127.0.0.1:9/model',
  'models--a--b',
  'a\0b',
  '__proto__',
  'constructor'
]

describe('the name of a model in a request', () => {
  let service: HttpApp
  before(async () => {
    service = await startApp()
  })
  after(() => service.close())

  for (const model of NAMES) {
    test(`${JSON.stringify(model)} is looked up and never opened: no such model`, async () => {
      const response = await service.post('/v1/logprob', { model, x: 'a', y: 'b' })
      assert.deepEqual([response.status, (await problemBody(response)).code], [404, 'model_not_found'])
    })
  }

  test('that is the path of a named pipe is answered at once, and nobody reads the pipe', async (t) => {
    const folder = tempFolder(t)
    const pipes = ['config.json', 'model.onnx', 'tokenizer.json'].map((file) => join(folder, file))
    execFileSync('mkfifo', pipes)
    for (const model of [folder, ...pipes]) {
      assert.equal((await service.post('/v1/logprob', { model, x: 'a', y: 'b' })).status, 404)
      assert.equal((await service.get(`/v1/models/${encodeURIComponent(model)}`)).status, 404)
    }
    // Opening a pipe to write, without waiting, fails as long as no process has it open to read.
    for (const pipe of pipes) assert.throws(() => openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK), { code: 'ENXIO' })
    assert.equal((await service.get('/readyz')).status, 200)
  })
})
