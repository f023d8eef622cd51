/**
 * Scoring clients in a process of their own, so that they do not delay the client that measures: `ADDRESS CLIENTS LONG`.
 * They go on until the parent closes the channel. LONG of them send a megabyte at a time, in pieces that are a little
 * too long for the embedded model: it is all tokenized and never scored, so that the tokenizer has no pause.
 */
import { saturate } from './load.ts'
import { PROSE } from './prose.ts'
import { connectTo } from './server.ts'

/** Some 600 tokens of the embedded tokenizer, whose model takes 512. */
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
