import { startThread } from './start-thread.ts'
import type { FromTextTokenizer, ToTextTokenizer } from './text-thread-protocol.ts'
import type { TextTokenizer, TokenizedText, TokenizeInput, TokenizerDescription } from './text-tokenizer.ts'
import { ThreadCalls } from './thread-calls.ts'

type Request = ToTextTokenizer extends infer Kind ? (Kind extends unknown ? Omit<Kind, 'id'> : never) : never
type Answer = Extract<FromTextTokenizer, { kind: 'tokenized' | 'detokenized' }>
type Ready = Extract<FromTextTokenizer, { kind: 'ready' }>

/**
 * Starts a text tokenizer in a thread of its own, apart from the one whose texts are scored: a megabyte there takes
 * seconds. `onEnd` is called should the thread end by itself. Throws `model_invalid`.
 */
export async function startTextTokenizer(folder: string, onEnd: () => void): Promise<TextTokenizer> {
  const { worker, ready } = await startThread<Ready>('text-thread-entry', folder)
  return new ThreadTextTokenizer(ready.description, new ThreadCalls(worker, onEnd))
}

class ThreadTextTokenizer implements TextTokenizer {
  readonly description: TokenizerDescription
  readonly #calls: ThreadCalls<Request, Answer>

  constructor(description: TokenizerDescription, calls: ThreadCalls<Request, Answer>) {
    this.description = description
    this.#calls = calls
  }

  async tokenize(input: TokenizeInput, wantsPieces: boolean): Promise<TokenizedText> {
    const answer = await this.#calls.ask({ kind: 'tokenize', input, wantsPieces })
    if (answer.kind !== 'tokenized') throw new Error('the tokenizer thread answered another question')
    return answer.tokens
  }

  async detokenize(ids: readonly number[]): Promise<string> {
    const answer = await this.#calls.ask({ kind: 'detokenize', ids })
    if (answer.kind !== 'detokenized') throw new Error('the tokenizer thread answered another question')
    return answer.text
  }

  close(): Promise<void> {
    return this.#calls.close()
  }
}
