import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Question, questionsOf, type RequestedQuestions } from '../../src/choice/request.ts'
import { ServiceError } from '../../src/errors.ts'

const GOOD = { x: 'a', choices: [' b', ' c'] } as const

function questionIn(body: RequestedQuestions): Question {
  const [question] = questionsOf(body)
  assert.ok(question !== undefined && !(question instanceof ServiceError))
  return question
}

function errorOf(body: RequestedQuestions): [code: string, param: string | undefined] {
  try {
    const error = questionsOf(body).find((question) => question instanceof ServiceError)
    assert.ok(error !== undefined, 'accepted')
    return [error.code, error.param]
  } catch (error) {
    assert.ok(error instanceof ServiceError)
    return [error.code, error.param]
  }
}

describe('questionsOf', () => {
  it('names a text choice by its text, and has the defaults of the contract', () => {
    assert.deepEqual(questionsOf({ ...GOOD, choices: [' b', { name: 'c', texts: [' c', ' C'], value: 2 }] }), [
      {
        x: 'a',
        swappedX: null,
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
    assert.deepEqual(questionIn({ ...GOOD, domain_prompt: 'd' }).score, { kind: 'pmi', domainPrompt: 'd' })
    assert.deepEqual(questionIn({ ...GOOD, content_free: ['N/A'] }).score, { kind: 'contextual', contentFree: ['N/A'] })
    assert.deepEqual(questionIn({ ...GOOD, score: 'pmi' }).score, { kind: 'pmi', domainPrompt: '' })
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

  it('keeps the other questions where one is malformed', () => {
    const [first, second, third] = questionsOf({ questions: [GOOD, { ...GOOD, choices: [' b', ''] }, GOOD] })
    assert.ok(second instanceof ServiceError && !(first instanceof ServiceError) && !(third instanceof ServiceError))
    assert.deepEqual([second.code, second.param], ['empty_completion', 'questions/1/choices/1'])
  })

  it('puts the candidates into their places, and exchanges them for the other order', () => {
    const compared = { ...GOOD, candidates: ['{candidate_2} $1 $&', ''] }
    const both = questionIn({ ...compared, x: '1{candidate_1}2{candidate_2}1{candidate_1} {candidate_3}', order: 'both' })
    assert.deepEqual([both.x, both.swappedX], ['1{candidate_2} $1 $&21{candidate_2} $1 $& {candidate_3}', '12{candidate_2} $1 $&1 {candidate_3}'])
    assert.equal(questionIn({ ...compared, x: '{candidate_1}{candidate_2}' }).swappedX, null)
    assert.equal(questionIn({ ...GOOD, x: 'a {candidate_1}' }).x, 'a {candidate_1}')
  })

  it('puts the candidates into the contents of messages, also into text parts', () => {
    const messages = [
      { role: 'system', content: null },
      { role: 'user', content: 'A: {candidate_1}' },
      { role: 'user', content: [{ type: 'text', text: 'B: {candidate_2}' }] }
    ] as const
    const { x, swappedX } = questionIn({ messages, choices: GOOD.choices, candidates: ['d', 'e'], order: 'both' })
    const contents = (of: Question['swappedX']): unknown =>
      of !== null && typeof of === 'object' && 'messages' in of ? of.messages.map(({ content }) => content) : of
    assert.deepEqual(contents(x), [null, 'A: d', [{ type: 'text', text: 'B: e' }]])
    assert.deepEqual(contents(swappedX), [null, 'A: e', [{ type: 'text', text: 'B: d' }]])
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
    [{ ...GOOD, order: 'both' }, 'invalid_request', 'candidates'],
    [{ ...GOOD, candidates: ['d', 'e'] }, 'invalid_request', 'x'],
    [{ ...GOOD, x: '{candidate_1}', candidates: ['d', 'e'], order: 'both' }, 'invalid_request', 'x'],
    [{ ...GOOD, x: [1, 2], candidates: ['d', 'e'], order: 'both' }, 'invalid_request', 'x'],
    [{ ...GOOD, x: '{candidate_1}{candidate_2}', candidates: ['d', '\ud800'] }, 'invalid_text', 'candidates/1'],
    [{ ...GOOD, x: `{candidate_1}${'{candidate_2}'.repeat(16)}`, candidates: ['d', 'e'] }, 'invalid_request', 'x'],
    [{ questions: [GOOD], order: 'both' }, 'invalid_request', 'order'],
    [{ questions: [GOOD], x: 'a' }, 'invalid_request', 'x'],
    [{ questions: [GOOD, { x: 'a' }] }, 'invalid_request', 'questions/1/choices']
  ]
  for (const [body, code, param] of REFUSED)
    it(`refuses ${JSON.stringify(body)}`, () => {
      assert.deepEqual(errorOf(body), [code, param])
    })
})
