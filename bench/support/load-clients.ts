/**
 * Scoring clients in their own process, so that they do not delay the measuring client: `ADDRESS CLIENTS LONG`. They
 * continue until the parent closes the channel. LONG of them send a megabyte per request, in texts slightly too long
 * for the embedded model: all of it is tokenized and nothing is scored, so the tokenizer is always busy.
 */
import { saturate } from './load.ts'
import { PROSE } from './prose.ts'
import { connectTo } from './server.ts'

/** About 600 tokens of the embedded tokenizer; its model takes 512. */
const PIECE_CHARACTERS = 2400
const MEGABYTE = 1_000_000

const [address = '', clients = '0', long = '0'] = process.argv.slice(2)
const server = connectTo(address, Number(clients) + Number(long))
const pieces = Array.from({ length: Math.ceil(MEGABYTE / PIECE_CHARACTERS) }, (_, i) => ({
  x: PROSE.repeat(6).slice(i % PROSE.length, (i % PROSE.length) + PIECE_CHARACTERS),
  y: '.'
}))
const body = JSON.stringify({ pairs: pieces })

process.on('disconnect', () => process.exit(0))
process.send?.('started')
await Promise.all([saturate(server, Number(clients), Number.POSITIVE_INFINITY), ...Array.from({ length: Number(long) }, sendLong)])

async function sendLong(): Promise<never> {
  for (;;) await server.post('/v1/logprob', body)
}
