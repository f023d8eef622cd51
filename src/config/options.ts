import { DTYPES } from '../model/folder/find-graph-file.ts'
import { PRECISIONS } from '../model/precision/eight-bit-form.ts'

/**
 * Every setting, once. Flags (`--max-batch-tokens`), environment variables (`LOGPR_MAX_BATCH_TOKENS`), `--help` and
 * docs/configuration.md all come from this table.
 */
export const OPTIONS = {
  HOST: text({ default: '127.0.0.1', description: 'Address to listen on; 0.0.0.0 for all of a container.' }),
  PORT: integer({ minimum: 0, maximum: 65_535, default: 8080, description: 'TCP port; 0 picks a free one, printed in the log line `listening`.' }),
  MODEL: text({
    default: '',
    description:
      'Model folder (docs/reference/layouts.md) or .onnx file in one, or a hub id organisation/name[/folder][@revision], which is fetched (docs/guides/hub.md); empty serves the embedded model. Several as NAME=PATH,NAME2=PATH2.'
  }),
  HUB_OFFLINE: flag('Ask no hub: a hub id is looked for in the cache alone. HF_HUB_OFFLINE=1 does the same (docs/guides/hub.md).'),
  DTYPE: choice(
    DTYPES,
    'auto',
    "Which of the folder's weight files to load, as transformers.js names them; auto takes the most exact that exists and says which (docs/reference/layouts.md)."
  ),
  PRECISION: choice(
    PRECISIONS,
    'auto',
    'int8 rounds the float32 weights of a model to 8 bits once and keeps them in a cache folder: faster on a CPU, and less exact by what GET /v1/models says (docs/reference/models.md); auto takes them as they are.'
  ),
  MAX_MODEL_LEN: integer({
    minimum: 0,
    default: 0,
    description:
      'Most tokens of a sequence, prefix token included; 0 takes what the model states, or 2048 where it states nothing. It can only lower what is stated.'
  }),
  EXECUTION_PROVIDER: choice(
    ['auto', 'cpu', 'cuda'],
    'auto',
    'What runs the model; auto takes CUDA where its libraries and a GPU are found (docs/guides/cuda.md), else the CPU, and says why.'
  ),
  THREADS: integer({
    minimum: 0,
    maximum: 256,
    default: 0,
    description: 'Threads of one forward pass, of each of several models; 0 takes as many as this process may use, shared among the replicas.'
  }),
  REPLICAS: integer({
    minimum: 1,
    maximum: 64,
    default: 1,
    description: 'Engine processes of each model, which compute side by side, each with memory of its own (docs/guides/capacity.md).'
  }),
  PREPARED_FOLDER: text({
    default: '',
    description:
      'Where several replicas of a model keep the weights that they share, 2.3 times the size of its files; empty takes one in the temporary folder, off shares nothing (docs/guides/capacity.md).'
  }),
  ENGINE_NICENESS: integer({
    minimum: 0,
    maximum: 19,
    default: 0,
    description:
      'By how much the priority of computing and of long tokenization is below that of answering requests, on Linux; it costs throughput (docs/guides/capacity.md).'
  }),
  PREFIX_TOKEN: choice(
    ['auto', 'eos', 'none'],
    'auto',
    "The token in front of every text: auto is the tokenizer's BOS, eos its end token for models trained with it as separator."
  ),
  API_KEYS_FILE: text({ default: '', description: 'File with one API key a line, plain or as sha256:HEX; empty leaves the service open.' }),
  TOKENIZER_INFO: flag(
    'Answer GET /tokenizer_info, which shows the chat template; lm-evaluation-harness then tokenizes here (docs/reference/tokenize.md).',
    true
  ),
  LOG_LEVEL: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info', 'Least severe level that is logged. No level logs a text.'),
  MAX_BATCH_TOKENS: integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 2048,
    description: 'Tokens of one forward pass, padding included; a longer text runs alone. With CUDA 8192 unless set.'
  }),
  LONG_TEXT_TOKENS: integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 128,
    description: 'Texts with more tokens run alone: on a CPU they gain nothing from neighbours. With CUDA 1024 unless set.'
  }),
  MAX_ATTENTION_BYTES: integer({
    minimum: 1_048_576,
    default: 201_326_592,
    description:
      'Memory for the attention scores of one pass of a model without fused attention, 16 bytes a head and pair of positions; a longer text runs alone. The default is 1,024 positions of 12 heads.'
  }),
  PACKING: flag(
    'Put sequences that begin alike, and short texts, into one row, each common beginning once, where the model allows it and the self-test agrees (docs/reference/caching.md).',
    true
  ),
  PREFIX_CACHE_BYTES: integer({
    minimum: 0,
    default: 268_435_456,
    description: 'Memory of the engine process for keys and values of text beginnings, of models that take past ones; 0 keeps none (docs/reference/caching.md).'
  }),
  RESULT_CACHE_BYTES: integer({
    minimum: 0,
    default: 67_108_864,
    description: 'Memory for the numbers of sequences scored before, which are then not computed again; 0 keeps none (docs/reference/caching.md).'
  }),
  MAX_QUEUE_TOKENS: integer({
    minimum: 1,
    default: 16_777_216,
    description:
      'Tokens that may wait for a model, for the memory that they take; what cannot be done before its deadline is refused long before (docs/reference/limits-and-timeouts.md).'
  }),
  MAX_REQUESTS: integer({
    minimum: 1,
    default: 1024,
    description: 'Scoring requests that may be in progress at once, of all models together; past that they get 429.'
  }),
  MAX_ITEMS: integer({ minimum: 1, default: 8192, description: 'Outputs that one request may ask to score.' }),
  MAX_BODY_BYTES: integer({ minimum: 1024, default: 33_554_432, description: 'Largest request body.' }),
  MAX_HELD_BYTES: integer({
    minimum: 1024,
    default: 268_435_456,
    description: 'Bodies of all requests in progress together; past that a request gets 429 before its body is read. Not below the largest body.'
  }),
  DEADLINE_MS: integer({
    minimum: 1,
    maximum: 3_600_000,
    default: 240_000,
    description: 'Longest a request may take; x-request-timeout-ms can only shorten it.'
  }),
  BATCH_TIMEOUT_MS: integer({ minimum: 100, default: 60_000, description: 'A forward pass that takes longer counts as hung; its engine is replaced.' }),
  START_TIMEOUT_MS: integer({
    minimum: 1000,
    default: 600_000,
    description: 'Longest an engine process may take to load the model and give its known answer.'
  }),
  CANARY_INTERVAL_MS: integer({
    minimum: 0,
    maximum: 86_400_000,
    default: 60_000,
    description: 'How often a text of the self-test is scored again while serving and compared with the start; 0 never does.'
  }),
  MODEL_FILES_INTERVAL_MS: integer({
    minimum: 100,
    maximum: 3_600_000,
    default: 5000,
    description: 'How often an idle service looks whether the files of its model changed on disk; after a forward pass it always looks.'
  }),
  VERIFY_PERCENT: integer({
    minimum: 0,
    maximum: 100,
    default: 1,
    description: 'Percentage of scored sequences that are verified deeply after their answer, while nothing else waits.'
  }),
  HEADERS_TIMEOUT_MS: integer({ minimum: 100, default: 10_000, description: 'Longest a client may take to send the request headers.' }),
  BODY_TIMEOUT_MS: integer({ minimum: 100, default: 30_000, description: "Longest a client may take to send a whole request; not below the headers' limit." }),
  KEEP_ALIVE_TIMEOUT_MS: integer({
    minimum: 1000,
    default: 72_000,
    description: 'How long an idle connection is kept; longer than the idle limit of the gateway in front.'
  }),
  DRAIN_DELAY_MS: integer({
    minimum: 0,
    maximum: 600_000,
    default: 0,
    description: 'After SIGTERM, how long to go on serving with /readyz at 503, so that gateways notice; 5000 behind one.'
  })
} as const

/** A JSON Schema of one setting. */
export interface OptionSchema {
  readonly type: 'integer' | 'string' | 'boolean'
  readonly default: string | number | boolean
  readonly description: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
}
type ValueOf<S> = S extends { readonly enum: readonly (infer V)[] }
  ? V
  : S extends { readonly type: 'integer' }
    ? number
    : S extends { readonly type: 'boolean' }
      ? boolean
      : string

export type OptionName = keyof typeof OPTIONS
/** The settings in force, frozen. */
export type Config = { readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> }

/** Variables carry the service's name, so that a stray PORT does not reach it. */
export const ENV_PREFIX = 'LOGPR_'

/** `MAX_BATCH_TOKENS` as a flag: `max-batch-tokens` */
export function flagOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

function text<const S extends { default: string; description: string }>(schema: S) {
  return { type: 'string', ...schema } as const satisfies OptionSchema
}

function integer<const S extends { default: number; description: string; minimum?: number; maximum?: number }>(schema: S) {
  return { type: 'integer', ...schema } as const satisfies OptionSchema
}

/** What it is by default unless its flag stands on the command line, or that or its variable says true or false (1, on, yes; 0, off, no). */
function flag<const F extends boolean = false>(description: string, fallback: F = false as F) {
  return { type: 'boolean', default: fallback, description } as const satisfies OptionSchema
}

function choice<const V extends string>(values: readonly V[], fallback: V, description: string) {
  return { type: 'string', enum: values, default: fallback, description } as const satisfies OptionSchema
}
