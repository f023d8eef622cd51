import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { readTokenizerFiles } from '../../../src/tokenizer/pretrained-tokenizer.ts'
import { ADVERSARIAL_TEXTS } from '../../support/adversarial-texts.ts'
import { type LogprobBody, logprobBody } from '../../support/logprob-body.ts'
import { type RunningService, startService } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const RANDOM_TEXTS = 1000
const LONG_CHARACTERS = 100_000
/** Texts that spell a control token, and characters that are white space only in JavaScript or only in Unicode. */
const OTHER_IN_LIBRARY = /<\||\ufeff|\u0085/

const CORPUS: readonly string[] = [
  ...ADVERSARIAL_TEXTS.map(({ text }) => text),
  ' ',
  '\0',
  'a\0b',
  '\ufffd',
  '\ufeffstart',
  'in\ufeffside',
  '\u202eright to left\u202c \u2066isolate\u2069 שלום',
  '👨‍👩‍👧‍👦👩🏽‍🚀🏳️‍🌈',
  `a${'\u0301'.repeat(100)}`,
  'é',
  'e\u0301',
  'line\u2028paragraph\u2029end',
  '\n'.repeat(300),
  '<|endoftext|>',
  '<s></s>[INST]',
  '<0x0A>',
  String.fromCharCode(...Array.from({ length: 32 }, (_, code) => code)),
  '12345',
  'true',
  'null',
  'constructor',
  '__proto__',
  'toString',
  '"\\"\'; DROP TABLE models; --',
  '../../etc/passwd',
  '{{ 7 * 7 }} <%= 7 %> %s %n'
]

const LONG: readonly string[] = ['a', ' ', '😀', '\n', 'ab '].map((unit) => unit.repeat(LONG_CHARACTERS / unit.length))

/** Bodies that would have to be changed to be scored. */
const UNACCEPTABLE: readonly (string | Uint8Array)[] = [
  '{"x":"a","y":"\\ud800"}',
  '{"x":"\\udc00","y":"b"}',
  '{"x":"\\udc00\\ud800","y":"b"}',
  '{"x":null,"y":"b"}',
  '{"x":1,"y":"b"}',
  '{"x":true,"y":"b"}',
  '{"x":"a","y":"b","z":1}',
  '{"x":"a","x":"c","y":"b"}',
  '{"x":["1","2"],"y":"b"}',
  '{"x":[1.5],"y":"b"}',
  '\ufeff{"x":"a","y":"b"}',
  Buffer.from('{"x":"a","y":"b"}', 'utf16le'),
  ...[[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82]].map((bytes) =>
    Buffer.concat([Buffer.from('{"x":"'), Buffer.from(bytes), Buffer.from('","y":"b"}')])
  ),
  JSON.stringify({ x: 'a'.repeat(100_000), y: 'b' })
]

interface Found {
  compared: number
  refused: number
  changed: number
}

/** Scores texts as x and as y, alone and in requests of 64, and compares the bytes and ids of the scored tokens. */
async function compareTexts(service: RunningService, library: Tokenizer, texts: readonly string[], found: Found): Promise<void> {
  for (const size of [1, 64])
    for (let i = 0; i < texts.length; i += size) {
      // Every text of the corpus alone, of the random ones only some.
      if (size === 1 && i >= 2 * CORPUS.length) break
      const chunk = texts.slice(i, i + size)
      const pairs = chunk.flatMap((text) => [
        { x: text, y: '!' },
        { x: '.', y: text }
      ])
      const response = await service.post('/v1/logprob', { pairs, detail: 'tokens', boundary: 'auto' })
      if (response.status !== 200) {
        await response.arrayBuffer()
        found.changed += response.status < 500 ? 0 : pairs.length
        found.refused += response.status < 500 ? pairs.length : 0
        continue
      }
      for (const { index, tokens, error } of (await logprobBody(response)).results) {
        const { x = '', y = '' } = pairs[index] ?? {}
        if (error !== undefined) found.refused++
        else {
          const scored = (tokens ?? []).filter(({ part }) => part !== 'prefix')
          const isSame = Buffer.concat(scored.map(({ bytes }) => Buffer.from(bytes, 'base64'))).equals(Buffer.from(x + y))
          const ids = scored.filter(({ part }) => part === 'x').map(({ id }) => id)
          // Where x and y are spelled by one token, x has no ids of its own.
          const expected = library.encode(x, { add_special_tokens: false }).ids
          const isComparable = !OTHER_IN_LIBRARY.test(x) && ids.length === expected.length
          found.compared++
          if (!isSame || (isComparable && ids.some((id, at) => id !== expected[at]))) found.changed++
        }
      }
    }
}

async function measure(): Promise<Measured> {
  const { json, config } = await readTokenizerFiles(join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en'))
  const library = new Tokenizer(json, config)
  const service = await startService()
  const found: Found = { compared: 0, refused: 0, changed: 0 }
  try {
    const random = fc.sample(fc.string({ unit: 'binary', maxLength: 60 }), { numRuns: RANDOM_TEXTS, seed: 13 })
    await compareTexts(service, library, [...CORPUS, ...random], found)
    for (const text of LONG) {
      const response = await service.post('/tokenize', { prompt: text, add_special_tokens: false })
      const { tokens } = (await response.json()) as { tokens: readonly number[] }
      found.compared++
      if (JSON.stringify(tokens) !== JSON.stringify(library.encode(text, { add_special_tokens: false }).ids)) found.changed++
    }
    let accepted = 0
    for (const body of UNACCEPTABLE) {
      const response = await service.post('/v1/logprob', body)
      const { results = [] } = (await response.json()) as Partial<LogprobBody>
      // An error of the item, as for text that is too long, also changes nothing.
      if (response.status >= 500 || results.some(({ error }) => error === undefined)) accepted++
      else found.refused++
    }
    return {
      isKept: found.changed === 0 && accepted === 0,
      measured:
        `${CORPUS.length + RANDOM_TEXTS} texts as x and as y, alone and 64 at a time, and ${LONG.length} of ${LONG_CHARACTERS} characters: ${found.compared} compared with the library, ` +
        `${found.changed} changed, ${found.refused} refused; ${accepted} of ${UNACCEPTABLE.length} unacceptable bodies accepted`
    }
  } finally {
    await service.stop()
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'A2',
    claim: 'Text is scored exactly as it was sent, or rejected; never changed.',
    target: 'bytes of all scored tokens are those of x and y, ids are those of the tokenizers library; 0 changed, every unacceptable body is 4xx',
    measure
  }
]
