import type { TestContext } from 'node:test'
import type { EncodingContext } from '../../src/encoding/encoding-context.ts'
import { startTokenizer } from '../../src/tokenizer/threads/thread-tokenizer.ts'
import { contextOf } from './logprob-items.ts'
import { tempFolder } from './temp-folder.ts'
import { folderFiles, type TokenizerFiles } from './tokenizers.ts'

/** An evaluation context with a real tokenizer loaded from the given files. Its thread ends with the test. */
export async function contextWith(t: TestContext, files: TokenizerFiles): Promise<EncodingContext> {
  const tokenizer = await startTokenizer(tempFolder(t, folderFiles(files)), () => undefined)
  t.after(() => tokenizer.close())
  return contextOf({ tokenizer, vocabSize: tokenizer.info.vocabSize, maxModelLen: 512, prefixTokenId: tokenizer.info.beginId })
}
