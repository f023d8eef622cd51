import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { SharedTokenizers } from '../../../src/tokenizer/threads/shared-tokenizers.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')
const ENCODE = { parseSpecialTokens: false }

/** Two folders with equal tokenizers, and one with another. */
function folders(t: TestContext): readonly [string, string, string] {
  const copy = (): string => {
    const folder = tempFolder(t, {})
    for (const file of ['tokenizer.json', 'tokenizer_config.json']) cpSync(join(EMBEDDED, file), join(folder, file))
    return folder
  }
  const [one, two, other] = [copy(), copy(), copy()]
  const config = JSON.parse(readFileSync(join(other, 'tokenizer_config.json'), 'utf8')) as object
  writeFileSync(join(other, 'tokenizer_config.json'), JSON.stringify({ ...config, bos_token: null }))
  return [one, two, other]
}

describe('SharedTokenizers', () => {
  it('starts one thread for equal files and another for others', async (t) => {
    const tokenizers = new SharedTokenizers()
    const started = await Promise.all(folders(t).map((folder) => tokenizers.start(folder, () => {}, {})))
    t.after(() => Promise.all(started.map((each) => each.close())))
    const [one, two, other] = started
    assert.equal(one?.info, two?.info)
    assert.notEqual(one?.info, other?.info)
    assert.deepEqual([one?.info.beginId === null, other?.info.beginId === null], [false, true])
  })

  it('does not share a thread between models whose config.json names other end tokens', async (t) => {
    const tokenizers = new SharedTokenizers()
    const [one, two] = folders(t)
    writeFileSync(join(two, 'config.json'), JSON.stringify({ eos_token_id: 5 }))
    const started = await Promise.all([one, two].map((folder) => tokenizers.start(folder, () => {}, {})))
    t.after(() => Promise.all(started.map((each) => each.close())))
    assert.notEqual(started[0]?.info.endId, 5)
    assert.equal(started[1]?.info.endId, 5)
  })

  it('ends the thread when the last model closes it', async (t) => {
    const tokenizers = new SharedTokenizers()
    const [first, second] = folders(t)
    const [one, two] = await Promise.all([tokenizers.start(first, () => {}, {}), tokenizers.start(second, () => {}, {})])
    await one.close()
    assert.equal((await two.encode(['a b'], ENCODE)).length, 1)
    await two.close()
    await assert.rejects(two.encode(['a b'], ENCODE), { code: 'engine_unavailable' })
  })
})
