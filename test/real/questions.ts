import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { ADVERSARIAL_TEXTS } from '../support/adversarial-texts.ts'

/** What logpr and the oracle are both asked of a real model. */
export interface Questions {
  readonly texts: readonly { readonly x: string; readonly y: string }[]
  readonly conversations: readonly (readonly { readonly role: string; readonly content: string }[])[]
  readonly pairs: readonly { readonly good: string; readonly bad: string; readonly uid: string }[]
}

const CODE_FILES = ['scripts/golden/pairs.py', 'scripts/golden/golden.py', 'src/scoring/row-probe.ts', 'deploy/haproxy.cfg', 'package.json', 'Dockerfile']
const CODE_TEXTS = 40
const PROSE_TEXTS = 40
/** UTF-16 units of a text of code. */
const CODE_UNITS = 600
/** UTF-16 units of the longest x of prose: some 400 tokens. */
const LONG_UNITS = 1800

/** 100 texts: code with its indentation, prose, and texts that expose errors in tokenizers. */
export function questions(): Questions {
  const texts = [...codeTexts(), ...proseTexts(), ...adversarialTexts()].slice(0, 100)
  return { texts, conversations: CONVERSATIONS, pairs: blimpPairs() }
}

function read(file: string): string {
  return readFileSync(join(PACKAGE_FOLDER, file), 'utf8')
}

/** Half of them end inside a line, half at its end, so that y begins with a line break and indentation. */
function codeTexts(): { x: string; y: string }[] {
  const code = CODE_FILES.map(read).join('\n')
  const step = Math.floor((code.length - CODE_UNITS) / CODE_TEXTS)
  return Array.from({ length: CODE_TEXTS }, (_, i) => {
    const text = code.slice(i * step, i * step + CODE_UNITS)
    const lineEnd = text.indexOf('\n', CODE_UNITS / 2)
    const at = i % 2 === 0 || lineEnd < 0 ? CODE_UNITS / 2 : lineEnd
    return { x: text.slice(0, at), y: text.slice(at) }
  })
}

function proseTexts(): { x: string; y: string }[] {
  const sentences = read('scripts/golden/sentences.txt').trim().split('\n')
  return Array.from({ length: PROSE_TEXTS }, (_, i) => {
    const x = sentences
      .slice(i * 5, i * 5 + 12)
      .join(' ')
      .slice(0, i % 4 === 0 ? LONG_UNITS : 40 + 8 * i)
    return { x, y: ` ${sentences[200 + i]}` }
  })
}

function adversarialTexts(): { x: string; y: string }[] {
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
