import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, test } from 'node:test'
import { generatedPages } from '../scripts/generated-pages.ts'
import { COMPLETIONS_REQUEST } from '../src/http/schemas/completions.ts'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { NORMALIZATIONS } from '../src/rerank/normalization.ts'
import { batchConventionsOf } from '../src/scoring/loss/batch-conventions.ts'
import { conventionsOf } from '../src/scoring/loss/conventions.ts'
import { curlBlocks, readPage } from './support/page-blocks.ts'
import { present } from './support/present.ts'

describe('generated pages are up to date (npm run docs)', async () => {
  for (const [path, content] of await generatedPages()) {
    test(path, () => assert.equal(readPage(path), content))
  }
})

describe('README', () => {
  test('has at most 150 lines', () => {
    assert.ok(readPage('README.md').trimEnd().split('\n').length <= 150)
  })
})

describe('docs/guides/loss.md', () => {
  const PAGE = 'docs/guides/loss.md'
  test('has a command for each textbook case and one for a batch', () => assert.equal(curlBlocks(PAGE).length, 5))

  const codesIn = (page: string, pattern: RegExp): string[] => [...new Set([...page.matchAll(pattern)].map(([, code]) => present(code)))].sort()
  const column = (heading: string): string[] => {
    const table = sectionOf(PAGE, `\n| ${heading} |`, '\n\n')
    return table
      .split('\n')
      .slice(2)
      .flatMap((row) => codesIn(present(row.split('|')[1]), /`([a-z_]+)`/g))
      .sort()
  }

  test('lists every finding, rule and reason that the code can give, and no other', () => {
    const sources = ['src/scoring/loss/findings.ts', 'src/loss/encode-messages.ts', 'src/tokenizer/chat/chat-warnings.ts'].map(readPage)
    assert.deepEqual(column('finding'), codesIn(sources.join(''), /code: '([a-z_]+)'/g))
    assert.deepEqual(column('rule'), codesIn(readPage('src/scoring/consistency/token-violations.ts'), /^ {2}\| '([a-z_]+)'$/gm))
    assert.deepEqual(column('reason'), codesIn(sectionOf('src/scoring/loss/labels.ts', 'export type Reason', '\n'), /'([a-z_]+)'/g))
    assert.deepEqual(column('check'), codesIn(readPage('src/scoring/loss/loss-checks.ts'), /check\(\s*'([a-z_]+)'/g))
  })

  test('lists every convention, and no other', () => {
    const losses = { completion: [1], ends: [1], given: [1], promptLossWeight: 0.5, notShifted: [1], shiftedTwice: [1] }
    const both = [true, false].flatMap((areTrained) => conventionsOf({ ...losses, endsAreTrained: areTrained, endsAreInSequence: areTrained }))
    const whole = conventionsOf({ ...losses, completion: [1, 1], endsAreTrained: false, endsAreInSequence: false })
    const batch = batchConventionsOf([{ sum: 1, denominator: 1, wholeSum: 2, wholeTokens: 2 }])
    assert.deepEqual(column('convention'), [...new Set([...both, ...whole, ...batch].map(({ convention }) => convention))].sort())
  })
})

describe('docs/guides/rerank.md', () => {
  const PAGE = 'docs/guides/rerank.md'

  test('has a command for each shape, one for a baseline and one for a template', () => assert.equal(curlBlocks(PAGE).length, 4))

  test('lists every normalization, and no other', () => {
    const table = sectionOf(PAGE, '\n| `normalization` | `normalized_log_prob` |', '\n\n')
    const listed = table.split('\n').flatMap((row) => /^\| `(\w+)` \|/.exec(row)?.[1] ?? [])
    assert.deepEqual(listed.sort(), [...NORMALIZATIONS].sort())
  })
})

describe('docs/reference/completions.md', () => {
  const PAGE = 'docs/reference/completions.md'

  test('lists every field that the schema knows', () => {
    const section = sectionOf(PAGE, '\n## Request\n', '\n## Response\n')
    const missing = Object.keys(COMPLETIONS_REQUEST.properties).filter((field) => !section.includes(`\`${field}\``) && !field.endsWith('_penalty'))
    assert.deepEqual(missing, [])
  })
})

describe('documents', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'bench/README.md',
    'bench/peers/README.md',
    'models/logpr-tiny-en/README.md',
    'scripts/train-embedded/README.md',
    ...readdirSync(join(PACKAGE_FOLDER, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => `docs/${file}`)
  ]
  for (const page of pages) {
    test(`${page} links only to files that exist`, () => {
      const targets = [...readPage(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)].map(([, target]) => normalize(join(dirname(page), present(target))))
      assert.deepEqual(
        targets.filter((target) => !existsSync(join(PACKAGE_FOLDER, target))),
        []
      )
    })

    test(`${page} names only source files that exist`, () => {
      const named = [...readPage(page).matchAll(/`([\w./-]+\.(?:ts|mjs))`/g)].map(([, name]) => present(name))
      assert.deepEqual(
        named.filter((name) => !SOURCES.some((file) => file === name || file.endsWith(`/${name}`))),
        []
      )
    })

    if (['docs/architecture.md', 'CONTRIBUTING.md'].includes(page))
      test(`${page} names only symbols that exist`, () => {
        const named = [...readPage(page).matchAll(/`(?:\w+\.)?([a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*|[A-Z]{3,}_[A-Z_]+)`/g)].map(([, name]) => present(name))
        assert.deepEqual(
          [...new Set(named)].filter((name) => !new RegExp(`\\b${name}\\b`).test(CODE)),
          []
        )
      })

    test(`${page} has lines of at most 120 characters, targets of links left out`, () => {
      assert.deepEqual(
        proseLines(readPage(page)).filter((line) => line.replaceAll(/\]\([^)]*\)/g, ']').length > 120),
        []
      )
    })

    test(`${page} links only to headings that exist`, () => {
      const targets = [...readPage(page).matchAll(/\]\((?!https?:|mailto:)([^)#]*)#([^)]+)\)/g)].map(([, path = '', anchor = '']) => ({
        file: path === '' ? page : normalize(join(dirname(page), path)),
        anchor
      }))
      assert.deepEqual(
        targets.filter(({ file, anchor }) => existsSync(join(PACKAGE_FOLDER, file)) && !anchorsOf(readPage(file)).includes(anchor)),
        []
      )
    })
  }
})

/** Every file that a page may name, by its path from the root of the repository. */
const SOURCES = ['bin', 'src', 'test', 'scripts', 'bench'].flatMap((folder) =>
  readdirSync(join(PACKAGE_FOLDER, folder), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`)
)

/** The text of src/ and scripts/. */
const CODE = SOURCES.filter((file) => /^(?:src|scripts)\/.*\.ts$/.test(file))
  .map(readPage)
  .join('\n')

/** The lines of a page that are prose: no tables, pictures and code. */
function proseLines(page: string): string[] {
  return page
    .replaceAll(/^ *```.*?^ *```$/gms, '')
    .split('\n')
    .filter((line) => !/^(?:\||!\[| {4})/.test(line))
}

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-')
  )
}

/** The part of a file between two texts. */
function sectionOf(path: string, from: string, to: string): string {
  return present(present(readPage(path).split(from)[1], from).split(to)[0])
}
