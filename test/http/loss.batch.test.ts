import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpApp, startApp } from '../support/http-app.ts'
import { problemBody } from '../support/logprob-body.ts'
import { findingCodes, type LossBatchBody, type LossBody } from '../support/loss-body.ts'

const IDS = [485, 1282, 1321, 556, 300]
let service: HttpApp

before(async () => {
  service = await startApp()
})
after(() => service.close())

async function answerTo<Body>(body: object): Promise<Body> {
  const response = await service.post('/v1/loss', body)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as Body
}
const lossOf = (body: object): Promise<LossBody> => answerTo(body)
const batchOf = (body: object): Promise<LossBatchBody> => answerTo(body)

describe('POST /v1/loss of input_ids and labels', () => {
  test('is the loss of the same ids as x and y', async () => {
    const labelled = await lossOf({ input_ids: IDS, labels: [-100, -100, -100, 556, 300] })
    const pair = await lossOf({ x: IDS.slice(0, 3), y: IDS.slice(3), prefix_token: 'none' })
    assert.equal(labelled.loss_mean, pair.loss_mean)
    assert.deepEqual(
      labelled.tokens.map(({ label, reason }) => [label, reason]),
      [
        [-100, 'masked'],
        [-100, 'masked'],
        [-100, 'masked'],
        [556, 'completion'],
        [300, 'completion']
      ]
    )
  })

  test('drops the label of the first token, as the shift of transformers does', async () => {
    const [with_, without] = await Promise.all([lossOf({ input_ids: IDS, labels: IDS }), lossOf({ input_ids: IDS, labels: [-100, ...IDS.slice(1)] })])
    assert.equal(with_.loss_mean, without.loss_mean)
    assert.equal(with_.trained_tokens, IDS.length - 1)
  })

  test('leaves padding at either end out', async () => {
    const plain = await lossOf({ input_ids: IDS, labels: [-100, -100, -100, 556, 300] })
    const padded = await lossOf({
      input_ids: [0, 0, ...IDS, 0],
      labels: [-100, -100, -100, -100, -100, 556, 300, -100],
      attention_mask: [0, 0, 1, 1, 1, 1, 1, 0]
    })
    assert.equal(padded.loss_mean, plain.loss_mean)
    assert.deepEqual(padded.padding, { left: 2, right: 1 })
  })

  test('scores labels that are not the tokens, and names a shift', async () => {
    const shifted = await lossOf({ input_ids: IDS, labels: [...IDS.slice(1), -100] })
    assert.ok(findingCodes(shifted).includes('labels_shifted'))
    assert.equal(shifted.tokens[1]?.label, IDS[2])
    const { diagnosis } = await lossOf({ input_ids: IDS, labels: [-100, -100, 1321, 556, 300], reported_loss: shifted.loss_mean })
    assert.equal(diagnosis.reported_loss?.conventions[0]?.convention, 'labels_shifted_twice')
    const other = await lossOf({ input_ids: IDS, labels: [-100, -100, 7, 556, 300] })
    assert.ok(findingCodes(other).includes('labels_differ'))
  })

  test('names a masked end token and a label behind padding', async () => {
    const masked = await lossOf({ input_ids: [...IDS, 0], labels: [-100, -100, 1321, 556, 300, -100] })
    assert.ok(findingCodes(masked).includes('end_token_masked'))
    const trained = await lossOf({ input_ids: [...IDS, 0], labels: [-100, -100, 1321, 556, 300, 0] })
    assert.deepEqual(findingCodes(trained), [])
    const behind = await lossOf({ input_ids: [0, ...IDS], labels: [-100, ...IDS], attention_mask: [0, 1, 1, 1, 1, 1] })
    assert.ok(findingCodes(behind).includes('label_after_padding'))
  })

  test('explains the loss of a run that masked nothing', async () => {
    const { full_sequence: whole } = await lossOf({ input_ids: IDS, labels: [-100, -100, -100, 556, 300] })
    const { diagnosis } = await lossOf({ input_ids: IDS, labels: [-100, -100, -100, 556, 300], reported_loss: whole.loss_mean })
    assert.equal(diagnosis.reported_loss?.conventions[0]?.convention, 'full_sequence_mean')
  })
})

describe('POST /v1/loss of a batch', () => {
  const examples = [
    { x: 'The children ran down to the', y: ' river.' },
    {
      messages: [
        { role: 'user', content: 'Who?' },
        { role: 'assistant', content: 'A king and his three daughters.' }
      ],
      train_on: ['assistant']
    },
    { input_ids: IDS, labels: [-100, -100, -100, -100, 300] }
  ]

  test('has each example as alone, and both means', async () => {
    const alone = await Promise.all(examples.map(lossOf))
    const batch = await batchOf({ examples, detail: 'tokens' })
    assert.deepEqual(
      batch.results.map(({ tokens }) => tokens?.map(({ label }) => label)),
      alone.map(({ tokens }) => tokens.map(({ label }) => label))
    )
    const sum = alone.reduce((total, { loss_sum: own }) => total + own, 0)
    const count = alone.reduce((total, { trained_tokens: own }) => total + own, 0)
    const means = alone.map(({ loss_mean: mean }) => mean ?? Number.NaN)
    assert.ok(Math.abs(batch.loss_mean - sum / count) < 1e-4)
    assert.ok(Math.abs(batch.loss_mean_over_examples - (means[0]! + means[1]! + means[2]!) / 3) < 1e-4)
    assert.equal(batch.trained_tokens, count)
    assert.equal(batch.object, 'loss.batch')
  })

  test('computes each token once', async () => {
    const { usage, results } = await batchOf({ input_ids: [IDS, [7, 8, 9]], labels: [IDS, [7, 8, 9]] })
    assert.equal(usage.computed_tokens, IDS.length - 1 + 2)
    assert.equal(results[0]?.tokens, undefined)
  })

  test('explains a reported mean of means', async () => {
    const { loss_mean_over_examples: mean } = await batchOf({ examples })
    const { diagnosis } = await batchOf({ examples, reported_loss: mean })
    assert.equal(diagnosis.reported_loss?.verdict, 'other_convention')
    assert.equal(diagnosis.reported_loss?.conventions[0]?.convention, 'batch_example_mean')
  })

  test('has a mean over the examples that train a token', async () => {
    const masked = { input_ids: IDS, labels: IDS.map(() => -100) }
    const batch = await batchOf({ examples: [examples[0], masked] })
    assert.equal(batch.trained_examples, 1)
    assert.equal(batch.loss_mean, batch.loss_mean_over_examples)
    assert.match(batch.diagnosis.summary, /all_masked \(1 of 2 examples\)/)
    const none = await batchOf({ examples: [masked] })
    assert.deepEqual([none.loss_mean, none.loss_mean_over_examples], [null, null])
  })
})

describe('POST /v1/loss refuses', () => {
  const SECRET = 'zebra-in-the-prompt'
  const rows = { input_ids: [IDS, IDS], labels: [IDS, IDS] }
  const cases: readonly [string, object, number, string, string][] = [
    ['ids without labels', { input_ids: IDS }, 400, 'invalid_request', 'labels'],
    ['labels without ids', { labels: IDS }, 400, 'invalid_request', 'input_ids'],
    ['labels of another length', { input_ids: IDS, labels: [1] }, 400, 'invalid_request', 'labels'],
    ['a mask of another length', { input_ids: IDS, labels: IDS, attention_mask: [1] }, 400, 'invalid_request', 'attention_mask'],
    ['a label of -1', { input_ids: IDS, labels: [-100, -1, 1, 1, 1] }, 400, 'invalid_request', 'labels/1'],
    ['trained padding', { input_ids: IDS, labels: IDS, attention_mask: [1, 1, 1, 1, 0] }, 400, 'invalid_request', 'labels/4'],
    ['a hole in the mask', { input_ids: IDS, labels: IDS, attention_mask: [1, 0, 1, 1, 1] }, 400, 'invalid_request', 'attention_mask/1'],
    ['only padding', { input_ids: IDS, labels: IDS, attention_mask: [0, 0, 0, 0, 0] }, 400, 'invalid_request', 'attention_mask'],
    ['a label out of range', { input_ids: IDS, labels: [-100, 99_999, 1, 1, 1] }, 400, 'token_out_of_range', 'labels'],
    ['one token', { input_ids: [5], labels: [5] }, 422, 'no_prefix_token', 'input_ids'],
    ['rows beside a row', { input_ids: [IDS], labels: IDS }, 400, 'invalid_request', 'labels'],
    ['rows mixed with numbers', { input_ids: [IDS, 5], labels: [IDS, IDS] }, 400, 'invalid_request', 'input_ids'],
    ['fewer rows of labels', { input_ids: [IDS, IDS], labels: [IDS] }, 400, 'invalid_request', 'labels'],
    ['a short row', { input_ids: [IDS, IDS], labels: [IDS, [1]] }, 400, 'invalid_request', 'labels/1'],
    ['an empty row', { input_ids: [IDS, []], labels: [IDS, []] }, 400, 'invalid_request', 'input_ids/1'],
    ['a row out of range', { ...rows, input_ids: [IDS, [1, 2, 3, 4, 99_999]] }, 400, 'token_out_of_range', 'input_ids/1'],
    ['an end token for ids', { ...rows, eos: 'score' }, 400, 'invalid_request', 'eos'],
    ['an example without text', { examples: [{ x: SECRET, y: 'a' }, { x: SECRET }] }, 400, 'invalid_request', 'examples/1/y'],
    ['an empty completion', { examples: [{ x: SECRET, y: '' }] }, 422, 'empty_completion', 'examples/0/y'],
    ['options beside examples', { examples: [{ x: SECRET, y: 'a' }], prompt_loss_weight: 1 }, 400, 'invalid_request', 'prompt_loss_weight'],
    ['a detail of one example', { x: SECRET, y: 'a', detail: 'tokens' }, 400, 'invalid_request', 'detail'],
    ['a role that no message has', { messages: [{ role: 'user', content: SECRET }], train_on: ['user', 'asistant'] }, 400, 'invalid_request', 'train_on/1'],
    [
      'the same in a batch',
      { examples: [{ messages: [{ role: SECRET, content: 'a' }], train_on: ['zebra'] }] },
      400,
      'invalid_request',
      'examples/0/train_on/0'
    ]
  ]
  for (const [what, body, status, code, param] of cases)
    test(`${what}: ${status} ${code}`, async () => {
      const response = await service.post('/v1/loss', body)
      const problem = await problemBody(response)
      assert.deepEqual([response.status, problem.code, problem.error.param], [status, code, param])
      assert.doesNotMatch(JSON.stringify(problem), /zebra|asistant/)
    })

  test('a role, with those that the messages have', async () => {
    const response = await service.post('/v1/loss', {
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' }
      ],
      train_on: ['system']
    })
    assert.match((await problemBody(response)).error.message, /roles of the messages are: assistant, user\./)
  })
})
