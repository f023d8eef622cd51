import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { questionsOf, type RequestedQuestions } from '../../src/choice/request.ts'
import { ServiceError } from '../../src/errors.ts'

const GOOD = { x: 'a', choices: [' b', ' c'] } as const

function errorOf(body: RequestedQuestions): [code: string, param: string | undefined] {
  try {
    questionsOf(body)
  } catch (error) {
    assert.ok(error instanceof ServiceError)
    return [error.code, error.param]
  }
  assert.fail('accepted')
}

describe('questionsOf', () => {
  it('names a text choice by its text, and has the defaults of the contract', () => {
    assert.deepEqual(questionsOf({ ...GOOD, choices: [' b', { name: 'c', texts: [' c', ' C'], value: 2 }] }), [
      {
        x: 'a',
        xParam: 'x',
        choices: [
          { name: ' b', spellings: [{ text: ' b', param: 'choices/0' }], value: null },
          {
            name: 'c',
            spellings: [
              { text: ' c', param: 'choices/1/texts/0' },
              { text: ' C', param: 'choices/1/texts/1' }
            ],
            value: 2
          }
        ],
        score: { kind: 'sum' },
        endText: '',
        eos: 'none'
      }
    ])
  })

  it('selects the score by the field that belongs to it', () => {
    assert.deepEqual(questionsOf({ ...GOOD, domain_prompt: 'd' })[0]?.score, { kind: 'pmi', domainPrompt: 'd' })
    assert.deepEqual(questionsOf({ ...GOOD, content_free: ['N/A'] })[0]?.score, { kind: 'contextual', contentFree: ['N/A'] })
    assert.deepEqual(questionsOf({ ...GOOD, score: 'pmi' })[0]?.score, { kind: 'pmi', domainPrompt: '' })
  })

  it('ends choices with the end token or a text', () => {
    assert.deepEqual(
      [undefined, 'none', 'eos', '\n'].map((terminator) => questionsOf({ ...GOOD, ...(terminator === undefined ? {} : { terminator }) })[0]),
      [
        ['', 'none'],
        ['', 'none'],
        ['', 'score'],
        ['\n', 'none']
      ].map(([endText, eos]) => ({ ...questionsOf(GOOD)[0], endText, eos }))
    )
  })

  const REFUSED: readonly (readonly [RequestedQuestions, string, string])[] = [
    [{ choices: GOOD.choices }, 'invalid_request', 'x'],
    [{ x: 'a' }, 'invalid_request', 'choices'],
    [{ ...GOOD, choices: [' b'] }, 'invalid_request', 'choices'],
    [{ ...GOOD, choices: [' b', ' b'] }, 'invalid_request', 'choices/1'],
    [{ ...GOOD, choices: [' b', { name: 'c', texts: [' c', ' b'] }] }, 'invalid_request', 'choices/1/texts/1'],
    [{ ...GOOD, choices: [' b', { name: ' b', texts: [' c'] }] }, 'invalid_request', 'choices/1/name'],
    [{ ...GOOD, choices: [' b', { name: 'c', texts: [] }] }, 'invalid_request', 'choices/1/texts'],
    [{ ...GOOD, choices: [' b', ''] }, 'empty_completion', 'choices/1'],
    [{ ...GOOD, choices: [' b', '\ud800'] }, 'invalid_text', 'choices/1'],
    [{ ...GOOD, terminator: '\udc00' }, 'invalid_text', 'terminator'],
    [{ ...GOOD, score: 'contextual' }, 'invalid_request', 'content_free'],
    [{ ...GOOD, score: 'sum', domain_prompt: 'd' }, 'invalid_request', 'domain_prompt'],
    [{ ...GOOD, score: 'pmi', content_free: ['d'] }, 'invalid_request', 'content_free'],
    [{ ...GOOD, messages: [{ role: 'user', content: 'a' }] }, 'invalid_request', 'messages'],
    [{ ...GOOD, tools: [] }, 'invalid_request', 'tools'],
    [{ questions: [GOOD], x: 'a' }, 'invalid_request', 'x'],
    [{ questions: [GOOD, { x: 'a' }] }, 'invalid_request', 'questions/1/choices']
  ]
  for (const [body, code, param] of REFUSED)
    it(`refuses ${JSON.stringify(body)}`, () => {
      assert.deepEqual(errorOf(body), [code, param])
    })
})
