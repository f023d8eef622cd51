import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, ServiceError } from '../errors.ts'

type FirstMessage<Ready> = Ready | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string } | { readonly kind: string }

/**
 * Starts a tokenizer thread for a folder and waits for its first message. Throws `model_invalid` when the folder has no
 * usable tokenizer.
 */
export async function startThread<Ready extends { readonly kind: 'ready' }>(entry: string, folder: string): Promise<{ worker: Worker; ready: Ready }> {
  const worker = new Worker(new URL(`./${entry}${extname(import.meta.url)}`, import.meta.url), { workerData: folder })
  const first = await new Promise<FirstMessage<Ready>>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  if (isReady(first)) return { worker, ready: first }
  await worker.terminate()
  throw new ServiceError('model_invalid', 'message' in first ? `the tokenizer could not be loaded: ${first.message}` : 'the tokenizer thread did not start')
}

function isReady<Ready extends { readonly kind: 'ready' }>(message: FirstMessage<Ready>): message is Ready {
  return message.kind === 'ready'
}
