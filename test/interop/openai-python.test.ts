import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startService } from '../support/running-service.ts'
import { needing, pythonJson } from './support/python.ts'

test(
  'the openai SDK for Python throws its own class for each failure, with status, code and param, and reads a scored answer',
  needing('openai'),
  async (t) => {
    const service = await startService()
    t.after(() => service.stop())

    assert.deepEqual(await pythonJson('openai_errors.py', [service.url]), {
      models: ['logpr-tiny-en'],
      generation: ['BadRequestError', 400, 'invalid_request', 'max_tokens'],
      'too long': ['BadRequestError', 400, 'context_length_exceeded', 'prompt'],
      'other model': ['NotFoundError', 404, 'model_not_found', 'model'],
      chat: ['BadRequestError', 400, 'invalid_request', 'max_tokens'],
      scored: ['assistant', 'To the river.', ' To the river.', true, true, true, true],
      'id outside the vocabulary': ['BadRequestError', 400, 'token_out_of_range']
    })
  }
)
