import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { ADVERSARIAL_TEXTS } from '../support/adversarial-texts.ts'

export interface Pair {
  readonly x: string
  readonly y: string
}

/** What logpr and the oracle are both asked of a real model. */
export interface Questions {
  readonly texts: readonly Pair[]
  /** Code, of which only ids, offsets and checks are compared. */
  readonly code: readonly Pair[]
  readonly conversations: readonly (readonly { readonly role: string; readonly content: string }[])[]
  readonly pairs: readonly { readonly good: string; readonly bad: string; readonly uid: string }[]
}

/**
 * Python, TypeScript, YAML, JSON, HTML, shell and a Dockerfile. Files of this repository that a commit cannot change.
 */
const CODE_FILE = 'test/real/code-sample.txt'
/** Of the texts that the oracle computes. */
const CODE_TEXTS = 40
/** Of those that it only tokenizes. */
const TOKENIZED_CODE_TEXTS = 200
const PROSE_TEXTS = 40
/** UTF-16 units of a text of code that the oracle computes, and of one that it only tokenizes. */
const CODE_UNITS = 600
const TOKENIZED_CODE_UNITS = 120
/** UTF-16 units of the longest x of prose: some 400 tokens. */
const LONG_UNITS = 1800

/** 100 texts: code with its indentation, prose, and texts that expose errors in tokenizers. */
export function questions(): Questions {
  const texts = [...codeTexts(CODE_TEXTS, CODE_UNITS), ...proseTexts(), ...adversarialTexts()].slice(0, 100)
  return { texts, code: codeTexts(TOKENIZED_CODE_TEXTS, TOKENIZED_CODE_UNITS).map(respaced), conversations: CONVERSATIONS, pairs: blimpPairs() }
}

function read(file: string): string {
  return readFileSync(join(PACKAGE_FOLDER, file), 'utf8')
}

/** Half of them end inside a line, half at its end, so that y begins with a line break and indentation. */
function codeTexts(count: number, units: number): Pair[] {
  const code = read(CODE_FILE)
  const step = Math.floor((code.length - units) / count)
  return Array.from({ length: count }, (_, i) => {
    const text = code.slice(i * step, i * step + units)
    const lineEnd = text.indexOf('\n', units / 2)
    const at = i % 2 === 0 || lineEnd < 0 ? units / 2 : lineEnd
    return { x: text.slice(0, at), y: text.slice(at) }
  })
}

/** Also as other editors write it: with tabs, with CR LF, indented further, with white space at the end of lines. */
function respaced({ x, y }: Pair, i: number): Pair {
  const forms: readonly ((text: string) => string)[] = [
    (text) => text,
    (text) => text.replaceAll('  ', '\t'),
    (text) => text.replaceAll('\n', '\r\n'),
    (text) => text.replaceAll('\n', '\n            '),
    (text) => text.replaceAll('\n', '   \n')
  ]
  const form = forms[i % forms.length] ?? String
  return { x: form(x), y: form(y) }
}

function proseTexts(): Pair[] {
  const sentences = read('scripts/golden/sentences.txt').trim().split('\n')
  return Array.from({ length: PROSE_TEXTS }, (_, i) => {
    const x = sentences
      .slice(i * 5, i * 5 + 12)
      .join(' ')
      .slice(0, i % 4 === 0 ? LONG_UNITS : 40 + 8 * i)
    return { x, y: ` ${sentences[200 + i]}` }
  })
}

function adversarialTexts(): Pair[] {
  return ADVERSARIAL_TEXTS.map(({ text }) => ({ x: text, y: ' and so on.' }))
}

const CONVERSATIONS: Questions['conversations'] = [
  [{ role: 'user', content: 'What is the capital of France?' }],
  [
    { role: 'user', content: 'Indent this:\n    if x:\n        return 1' },
    { role: 'assistant', content: 'if x:\n    return 1' },
    { role: 'user', content: 'Thank you. 👩‍👩‍👧 Once more?' }
  ],
  [
    { role: 'system', content: 'Answer in French.' },
    { role: 'user', content: 'Hello there' }
  ],
  [{ role: 'user', content: 'Ce café\u0301, naïve façade, 東京、مرحبا' }]
]

/** Three pairs of each paradigm of BLiMP (Warstadt et al. 2020, CC BY 4.0). */
function blimpPairs(): Questions['pairs'] {
  return read('test/real/blimp-sample.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Questions['pairs'][number])
}
