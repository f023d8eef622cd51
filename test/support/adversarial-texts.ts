import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'

export interface AdversarialText {
  readonly name: string
  readonly text: string
}

/** Texts that expose errors in tokenizers, offsets and boundaries. test/oracle/check_tokenizer.py reads them too. */
export const ADVERSARIAL_TEXTS = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'test', 'data', 'adversarial-texts.json'), 'utf8')) as readonly AdversarialText[]

/** Every split of a text in two between code points, including empty parts; at most `most`, evenly spread. */
export function splitsOf(text: string, most = Number.POSITIVE_INFINITY): { readonly x: string; readonly y: string }[] {
  const characters = Array.from(text)
  const all = Array.from({ length: characters.length + 1 }, (_, at) => ({ x: characters.slice(0, at).join(''), y: characters.slice(at).join('') }))
  const step = Math.max(1, Math.ceil(all.length / most))
  return all.filter((_, at) => at % step === 0 || at === all.length - 1)
}
