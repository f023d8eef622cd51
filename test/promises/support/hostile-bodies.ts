/** A request that costs the service as much as its bytes allow. */
export interface HostileRequest {
  readonly name: string
  readonly path: string
  readonly body: () => string
  readonly headers?: Readonly<Record<string, string>>
}

const MAX_BODY_BYTES = 33_554_432
const TO_LOGPROB = '/v1/logprob'

const many = (part: string, sizeBytes: number): string => part.repeat(Math.floor(sizeBytes / part.length))
const listOf = (part: string, sizeBytes = 30_000_000): string => `[${many(`${part},`, sizeBytes)}${part}]`

/** JSON that no request needs: refused before it is parsed, or when it is. */
export const HOSTILE_JSON: readonly HostileRequest[] = [
  { name: '10 million {}', path: TO_LOGPROB, body: () => `{"pairs":${listOf('{}')}}` },
  { name: '10 million [] in /v1/completions', path: '/v1/completions', body: () => `{"prompt":${listOf('[]')}}` },
  { name: '10 million {} in /v1/check', path: '/v1/check', body: () => `{"joint":-2,"marginal":-1,"token_log_probs":${listOf('{}')}}` },
  { name: '16 million ids', path: TO_LOGPROB, body: () => `{"x":${listOf('1')},"y":"a"}` },
  { name: '5 million numbers in /v1/check', path: '/v1/check', body: () => `{"joint":-2,"marginal":-1,"token_log_probs":${listOf('-1.5')}}` },
  { name: '1.5 million keys', path: '/v1/rerank', body: () => `{${Array.from({ length: 1_500_000 }, (_, i) => `"k${i}":1`).join()}}` },
  { name: 'duplicate keys', path: TO_LOGPROB, body: () => '{"x":"a","x":"b","y":"c"}' },
  { name: '3 million texts', path: '/v1/rerank', body: () => `{"query":"a","documents":${listOf('"abcdef"')}}` },
  { name: 'depth 30 million', path: TO_LOGPROB, body: () => '['.repeat(30_000_000) },
  { name: 'depth 1 million of objects', path: TO_LOGPROB, body: () => '{"a":'.repeat(1_000_000) },
  { name: 'a text of 32 MiB', path: TO_LOGPROB, body: () => `{"x":"${'a'.repeat(MAX_BODY_BYTES - 100)}","y":"b"}` },
  { name: 'a text of escaped quotes', path: TO_LOGPROB, body: () => `{"x":"${many('\\"', 33_000_000)}","y":"b"}` },
  { name: 'a number of 32 MiB', path: '/v1/check', body: () => `{"joint":-${'1'.repeat(MAX_BODY_BYTES - 100)},"marginal":-1}` },
  { name: 'huge numbers', path: '/v1/check', body: () => '{"joint":-1e400,"marginal":-1}' },
  { name: '__proto__', path: '/tokenize', body: () => '{"prompt":"a","z":{"__proto__":{"a":1}}}' },
  { name: 'constructor.prototype', path: '/tokenize', body: () => '{"prompt":"a","constructor":{"prototype":{}}}' },
  { name: 'cut off', path: TO_LOGPROB, body: () => `{"x":${listOf('1', 8_000_000)}` },
  { name: 'gzip bomb', path: TO_LOGPROB, body: () => 'not read', headers: { 'content-encoding': 'gzip' } }
]

const WORDS = 'the quick brown fox jumps over the lazy dog while seven wise owls watch from an old oak tree near the river bank at dawn'.split(' ')
const sentence = (seed: number, words: number): string =>
  Array.from({ length: words }, (_, k) => WORDS[(seed * 7 + k * (1 + (seed % 5))) % WORDS.length]).join(' ')
const pairs = (count: number): { x: string; y: string }[] =>
  Array.from({ length: count }, (_, i) => ({ x: `${sentence(i, 8)} ${i}`, y: ` ${sentence(i + 3, 6)}` }))
const DEADLINE = { 'x-request-timeout-ms': '10000' }

/** Requests within all limits that cost as much as one can. */
export const HEAVY_REQUESTS: readonly HostileRequest[] = [
  { name: '8,192 pairs', path: TO_LOGPROB, body: () => JSON.stringify({ pairs: pairs(8192) }) },
  { name: '8,192 pairs as NDJSON', path: TO_LOGPROB, body: () => JSON.stringify({ pairs: pairs(8192) }), headers: { accept: 'application/x-ndjson' } },
  { name: '2,048 pairs with 20 top tokens', path: TO_LOGPROB, body: () => JSON.stringify({ pairs: pairs(2048), detail: 'tokens', top_logprobs: 20 }) },
  {
    name: '8,192 outputs of one x',
    path: TO_LOGPROB,
    body: () => JSON.stringify({ x: sentence(1, 100), y: Array.from({ length: 8192 }, (_, i) => ` ${sentence(i, 5)} ${i}`) })
  },
  {
    name: '8,192 documents',
    path: '/v1/rerank',
    body: () => JSON.stringify({ query: sentence(1, 30), documents: Array.from({ length: 8192 }, (_, i) => `${sentence(i, 6)} ${i}`) })
  },
  {
    name: '4,096 prompts with 5 top tokens',
    path: '/v1/completions',
    body: () => JSON.stringify({ prompt: Array.from({ length: 4096 }, (_, i) => `${sentence(i, 8)} ${i}`), max_tokens: 0, echo: true, logprobs: 5 })
  },
  { name: '5 million ids', path: TO_LOGPROB, body: () => `{"x":${listOf('1234', 25_000_000)},"y":"a"}` },
  { name: '1 million ids cut', path: TO_LOGPROB, body: () => `{"on_overflow":"truncate_left","x":${listOf('1234', 5_000_000)},"y":"a"}` },
  { name: '1 million ids to text', path: '/detokenize', body: () => `{"tokens":${listOf('1234', 5_000_000)}}` },
  { name: '4 MB without spaces to ids', path: '/tokenize', body: () => JSON.stringify({ prompt: many('abcdefghij', 4_000_000) }), headers: DEADLINE },
  { name: '4 MB of words to ids', path: '/tokenize', body: () => JSON.stringify({ prompt: sentence(1, 800_000), return_token_strs: true }), headers: DEADLINE },
  {
    name: '4 MB cut to the context',
    path: TO_LOGPROB,
    body: () => JSON.stringify({ on_overflow: 'truncate_left', x: sentence(1, 800_000), y: ' a' }),
    headers: DEADLINE
  },
  { name: '32 MiB of white space', path: '/v1/check', body: () => `{"joint":-1,${' '.repeat(MAX_BODY_BYTES - 100)}"marginal":-1}` },
  { name: '1 million numbers in /v1/check', path: '/v1/check', body: () => `{"joint":-2,"marginal":-1,"token_log_probs":${listOf('-1.5', 5_200_000)}}` }
]
