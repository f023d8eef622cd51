/** The thread of a text tokenizer: loads one, then answers requests in order. Never touches the network. */
import { parentPort, workerData } from 'node:worker_threads'
import { serviceErrorFrom } from '../errors.ts'
import { type HuggingFaceTokenizer, loadHuggingFaceTokenizer } from './hugging-face.ts'
import type { FromTextTokenizer, ToTextTokenizer } from './text-thread-protocol.ts'

function answer(message: FromTextTokenizer): void {
  parentPort?.postMessage(message)
}

function fail(id: number | null, thrown: unknown): void {
  const { code, message, cause } = serviceErrorFrom(thrown)
  // Only the start's causes are told: later ones could quote a text.
  answer({ kind: 'failed', id, code, message: id === null ? `${message} ${cause === undefined ? '' : String(cause)}`.trim() : message })
}

function respond(tokenizer: HuggingFaceTokenizer, request: ToTextTokenizer): void {
  try {
    if (request.kind === 'detokenize') {
      answer({ kind: 'detokenized', id: request.id, text: tokenizer.detokenize(request.ids) })
      return
    }
    const ids = tokenizer.tokenize(request.input)
    answer({ kind: 'tokenized', id: request.id, tokens: { ids: Int32Array.from(ids), pieces: request.wantsPieces ? tokenizer.piecesOf(ids) : null } })
  } catch (error) {
    fail(request.id, error)
  }
}

try {
  const tokenizer = await loadHuggingFaceTokenizer(workerData as string)
  parentPort?.on('message', (request: ToTextTokenizer) => respond(tokenizer, request))
  answer({ kind: 'ready', description: tokenizer.description })
} catch (error) {
  fail(null, error)
}
