import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ERROR_KINDS } from '../../src/http/problem.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { CHECK_CATALOG } from '../../src/scoring/checks/check.ts'
import { readPage } from '../support/page-blocks.ts'
import { present } from '../support/present.ts'

const PAGE = readPage('docs/glossary.md')

/** The names in the first column of the table under a heading. */
function namesUnder(heading: string): string[] {
  const section = present(PAGE.split(`\n## ${heading}\n`)[1], heading).split('\n## ')[0]
  return [...present(section).matchAll(/^\| \[?`([\w.]+)`/gm)].map(([, name]) => present(name)).sort()
}

describe('docs/glossary.md lists every name of a closed set, and no other', () => {
  test('check ids', () => assert.deepEqual(namesUnder('Check ids'), Object.keys(CHECK_CATALOG).sort()))

  test('error codes', () => assert.deepEqual(namesUnder('Error codes'), Object.keys(ERROR_KINDS).sort()))

  test('metrics', async () => {
    const metrics = createMetrics()
    metrics.ofModel('model', { queuedTokens: () => 0, queuedSequences: () => 0, engineRestarts: () => 0, enginesReady: () => 0, isReady: () => false })
    const names = (await metrics.registry.getMetricsAsJSON()).map(({ name }) => name)
    assert.deepEqual(namesUnder('Metrics'), names.filter((name) => !/^logpr_(?:process|nodejs)_/.test(name)).sort())
  })
})

describe('docs/glossary.md defines its terms', () => {
  /** Rows whose first cell has terms in bold: the cells. */
  const definitions = [...PAGE.matchAll(/^\| (\*\*.*)$/gm)].map(([, row]) => present(row).replace(/ \|$/, '').split(' | '))
  const boldIn = (text: string): string[] => [...text.matchAll(/\*\*(.+?)\*\*/g)].map(([, term]) => present(term).toLowerCase())

  test('there are some', () => assert.ok(definitions.length > 80))

  test('each term in bold has exactly one definition', () => {
    const defined = definitions.flatMap(([terms]) => boldIn(present(terms)))
    assert.deepEqual(
      defined.filter((term, i) => defined.indexOf(term) !== i),
      []
    )
    assert.deepEqual(boldIn(PAGE).sort(), defined.sort())
  })

  test('each definition is one sentence, with a link to what explains it', () => {
    const other = definitions.filter(
      (cells) =>
        cells.length !== 3 || !/^[^|]+\.$/.test(present(cells[1])) || /\. [A-Z]/.test(present(cells[1])) || !/^\[[^\]]+\]\([^)]+\)$/.test(present(cells[2]))
    )
    assert.deepEqual(other, [])
  })
})
