import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { PretrainedTokenizer } from '../../src/tokenizer/pretrained-tokenizer.ts'
import type { TokenizerJson } from '../../src/tokenizer/token-bytes.ts'
import { TEXT_TOKENIZERS } from '../support/tokenizers.ts'

/**
 * Packages that determine log-probabilities and token ids, and the one with which tests compare them
 * (docs/decisions/0005-dependencies.md).
 */
const PINNED = ['@huggingface/tokenizers', '@huggingface/transformers', 'onnxruntime-node']

type Fields = Readonly<Record<string, unknown>>

const readJson = (...path: string[]): Fields => JSON.parse(readFileSync(join(PACKAGE_FOLDER, ...path), 'utf8')) as Fields
const versionOf = (name: string): string => String(readJson('node_modules', name, 'package.json').version)

describe('packages that determine log-probabilities and token ids', () => {
  const { dependencies, devDependencies } = readJson('package.json') as Readonly<Record<string, Readonly<Record<string, string>>>>
  const { packages } = readJson('package-lock.json') as { packages: Readonly<Record<string, { readonly version?: string }>> }

  for (const name of PINNED)
    test(`${name} is pinned, locked and installed at one version`, () => {
      const pinned = dependencies?.[name] ?? devDependencies?.[name] ?? ''
      assert.match(pinned, /^\d+\.\d+\.\d+$/, `pin one version of ${name} in package.json, without ^ or ~`)
      assert.equal(packages[`node_modules/${name}`]?.version, pinned, 'run npm install --package-lock-only')
      assert.equal(versionOf(name), pinned, 'run npm ci')
      const copies = Object.keys(packages).filter((path) => path.endsWith(`node_modules/${name}`))
      assert.deepEqual(copies, [`node_modules/${name}`], `some package would use a second copy of ${name}`)
    })
})

describe('private fields of @huggingface/tokenizers that logpr reads or replaces', () => {
  /** Names the missing field and the file that needs it. */
  function assertField(holds: boolean, field: string, user: string): void {
    const version = versionOf('@huggingface/tokenizers')
    assert.ok(holds, `@huggingface/tokenizers ${version} has no ${field}, which src/tokenizer/${user} needs: find its replacement before you pin this version`)
  }

  const inner = (name: keyof typeof TEXT_TOKENIZERS): Fields => {
    const { tokenizer, config } = TEXT_TOKENIZERS[name]
    return new PretrainedTokenizer(tokenizer as unknown as TokenizerJson, config).library as unknown as Fields
  }
  const listIn = (part: unknown, key: string): readonly Fields[] => {
    const list = (part as Fields | null)?.[key]
    return Array.isArray(list) ? list : []
  }

  test('a pre-tokenizer that splits with a pattern, and the parts of a sequence', () => {
    const embedded = inner('embedded')
    assertField((embedded.pre_tokenizer as Fields | null)?.pattern instanceof RegExp, 'pre_tokenizer.pattern', 'library-internals.ts')
    const parts = listIn(inner('byte-level-llama-3').pre_tokenizer, 'tokenizers')
    const unicode = parts.some(({ pattern }) => pattern instanceof RegExp && /[uv]/.test(pattern.flags))
    assertField(unicode, 'pre_tokenizer.tokenizers with a pattern', 'library-internals.ts')
  })

  test('a byte decoder among the parts of a sequence', () => {
    const decoders = listIn(inner('sentencepiece-mistral').decoder, 'decoders')
    const byteFallback = decoders.find(({ config }) => (config as Fields | undefined)?.type === 'ByteFallback')
    assertField(byteFallback !== undefined, 'decoder.decoders with a config', 'library-internals.ts')
    const decode = (byteFallback?.text_decoder as Fields | undefined)?.decode
    assertField(typeof decode === 'function', 'text_decoder in its ByteFallback decoder', 'library-internals.ts')
  })

  test('a normalizer, and the spelling of an id', () => {
    const { normalizer, id_to_token: idToToken } = inner('sentencepiece-llama-2')
    assertField(typeof (normalizer as Fields | null)?.normalize === 'function', 'normalizer.normalize', 'hugging-face.ts')
    assertField(typeof idToToken === 'function', 'id_to_token', 'library-tokenizer.ts')
  })
})
