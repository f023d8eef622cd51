import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Template, toValue } from '../../src/jinja/template.ts'
import { TemplateError } from '../../src/jinja/template-error.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'

/** Small templates, and what jinja2 renders; null where it raises an error. Made by the oracle of `.ci/run`. */
const RENDERINGS = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test/jinja/renderings.json'), 'utf8')) as readonly (readonly [string, string | null])[]
const NOW = new Date(2026, 1, 3, 14, 5, 6)
const MESSAGES = toValue([{ role: 'user', content: 'Hello' }], ([, field]) => (field === 'content' ? 0 : null))

const rendered = (source: string) => new Template(source).render({ messages: MESSAGES, bos_token: toValue('<s>', () => null) }, NOW)

describe('Template', () => {
  it(`renders ${RENDERINGS.length} small templates as jinja2 does`, () => {
    for (const [source, expected] of RENDERINGS) {
      if (expected === null) assert.throws(() => rendered(source), TemplateError, source)
      else assert.equal(rendered(source).text.value, expected, source)
    }
  })

  for (const [source, construct] of [
    ["{% include 'x' %}", 'the statement include'],
    ["{{ x | groupby('a') }}", 'the filter groupby'],
    ['{{ x is filter }}', 'the test filter'],
    ["{{ x.format('a') }}", 'the method .format()'],
    ["{{ '%s' % x }}", "formatting with '%'"],
    ['{{ x.__class__ }}', 'the attribute __class__']
  ] as const) {
    it(`refuses ${construct} when the template is read`, () => {
      assert.throws(
        () => new Template(source),
        (error) => error instanceof TemplateError && error.kind === 'unsupported' && error.message.startsWith(construct)
      )
    })
  }

  it('carries the message of raise_exception', () => {
    assert.throws(() => rendered("{{ raise_exception('Only user roles') }}"), { kind: 'raised', message: 'Only user roles' })
  })

  it('does not quote a message in its own errors', () => {
    for (const expression of ['m[m].x', 'm + 1', "m | indent(width='a', first=m) + none", '[1][m].y', '{}[m].y', 'none[m].y'])
      assert.throws(
        () => rendered(`{% set m = messages[0].content %}{{ ${expression} }}`),
        (error) => error instanceof TemplateError && !error.message.includes('Hello'),
        expression
      )
  })

  it('knows which parts of the rendering come from the message', () => {
    const { text } = rendered("{{ bos_token }}[{{ (messages[0].content + '!').strip('Ho').split('l')[0] | upper }}|{{ messages[0].content[3:] | tojson }}]")
    assert.equal(text.value, '<s>[E|"lo"]')
    assert.deepEqual(text.origins, [
      { start: 4, end: 5, source: 0 },
      { start: 6, end: 10, source: 0 }
    ])
  })

  it('reports what generation blocks write', () => {
    assert.deepEqual(rendered('a{% generation %}bc{% endgeneration %}d').generations, [{ start: 1, end: 3 }])
  })

  it('ends a template whose loops run without end in practice', () => {
    assert.throws(() => rendered('{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}'), { kind: 'limit' })
  })

  it('refuses an object whose order of keys JavaScript loses', () => {
    assert.throws(() => toValue({ b: 1, '1': 2 }, () => null), { kind: 'unsupported' })
  })
})
