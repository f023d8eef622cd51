import { DTYPES } from '../model/folder/find-graph-file.ts'
import { PRECISIONS } from '../model/precision/eight-bit-form.ts'
import { LIMIT_OPTIONS } from './limit-options.ts'
import { choice, flag, integer, text, type ValueOf } from './option-schema.ts'

/**
 * Every setting, defined once. Flags (`--max-batch-tokens`), environment variables (`LOGPR_MAX_BATCH_TOKENS`), `--help`
 * and docs/configuration.md are derived from this table. A description says what the setting does, its unit and what
 * its default means.
 */
export const OPTIONS = {
  HOST: text({ default: '127.0.0.1', description: 'Address to listen on; 0.0.0.0 accepts connections from other machines.' }),
  PORT: integer({ minimum: 0, maximum: 65_535, default: 8080, description: 'TCP port to listen on; 0 picks a free port and logs it as `listening`.' }),
  MANAGEMENT_PORT: integer({
    minimum: 0,
    maximum: 65_535,
    default: 0,
    description:
      'TCP port for /metrics, /version and the probes /livez, /readyz, /startupz and /health, which the main port then answers with 404 (docs/guides/deploy.md); 0 serves them on the main port.'
  }),
  MANAGEMENT_HOST: text({ default: '', description: 'Address of the management port; empty uses the same as host.' }),
  BASE_PATH: text({
    default: '',
    description:
      'Path below which everything is served, such as /logpr, for a gateway that passes the path on unchanged (docs/guides/deploy.md). The probes, /version and /metrics also stay at the root. Empty serves at the root.'
  }),
  CORS_ORIGIN: text({
    default: '',
    description:
      'Origins whose pages may call this service from a browser, separated by commas, such as https://app.example.com; * allows every page. Cookies are never used; API keys are still required. Empty allows none.'
  }),
  MODEL: text({
    default: '',
    description:
      'Model to serve: a folder or .onnx file (docs/reference/layouts.md), or a hub id organisation/name[/folder][@revision] to download (docs/guides/hub.md). Empty serves the included model. NAME=PATH,NAME2=PATH2 serves several.'
  }),
  CHAT_TEMPLATE: text({
    default: '',
    description:
      "Chat template in place of the model's default one: a Jinja file, or the name of one of the model's templates, such as tool_use (docs/reference/chat-templates.md). Applies to every model that is served."
  }),
  RERANK_TEMPLATE: text({
    default: '',
    description:
      'Prompt of POST /v1/rerank with scoring yes_no, unless a request names another: qwen3-reranker, bge-reranker-v2-gemma, or a JSON file (docs/guides/rerank.md). Empty uses qwen3-reranker. Applies to every model that is served.'
  }),
  HUB_OFFLINE: flag('Use only downloaded hub models and never contact the hub; HF_HUB_OFFLINE=1 does the same (docs/guides/hub.md).'),
  DTYPE: choice(
    DTYPES,
    'auto',
    'Type of the weight file to load, in the names of transformers.js; auto loads the most exact one that the folder has (docs/reference/layouts.md).'
  ),
  PRECISION: choice(
    PRECISIONS,
    'auto',
    'Precision of the weights in memory: int8 rounds float32 weights to 8 bits once and caches the result, which is faster on a CPU and less exact (docs/reference/models.md); auto leaves the weights unchanged.'
  ),
  MAX_MODEL_LEN: integer({
    minimum: 0,
    default: 0,
    description:
      'Longest sequence in tokens, including the prefix token. It can only lower the length that the model states; 0 uses that length, or 2048 when the model states none.'
  }),
  EXECUTION_PROVIDER: choice(
    ['auto', 'cpu', 'cuda'],
    'auto',
    'Hardware that runs the model; auto uses CUDA if its libraries and a GPU are found, else the CPU, and logs why (docs/guides/cuda.md).'
  ),
  THREADS: integer({
    minimum: 0,
    maximum: 256,
    default: 0,
    description: 'Threads of each engine process; 0 divides the available cores among the replicas of a model.'
  }),
  REPLICAS: integer({
    minimum: 1,
    maximum: 64,
    default: 1,
    description: 'Engine processes per model. They compute in parallel, each in its own memory (docs/guides/capacity.md).'
  }),
  PREPARED_FOLDER: text({
    default: '',
    description:
      'Folder for the weights that the replicas of a model share, 2.3 times the size of its files; empty uses the temporary folder, off disables sharing (docs/guides/capacity.md).'
  }),
  ENGINE_NICENESS: integer({
    minimum: 0,
    maximum: 19,
    default: 0,
    description:
      'Niceness added to the engine processes and to long tokenizations, on Linux. Requests are then answered sooner, at the cost of throughput (docs/guides/capacity.md); 0 adds none.'
  }),
  PREFIX_TOKEN: choice(
    ['auto', 'eos', 'none'],
    'auto',
    'Token in front of every text: auto adds the BOS of the tokenizer if it has one, eos the end token, for models that were trained with it as separator; none adds nothing.'
  ),
  API_KEYS_FILE: text({
    default: '',
    description:
      'File with one API key per line, plain or as sha256:HEX, with optional limits; changes apply without a restart (docs/guides/deploy.md). Empty serves everyone without a key.'
  }),
  TOKENIZER_INFO: flag(
    'Serve GET /tokenizer_info, which exposes the chat template and lets lm-evaluation-harness tokenize here (docs/reference/tokenize.md).',
    true
  ),
  LOG_LEVEL: choice(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
    'Least severe level that is logged. No level logs the text of a request.'
  ),
  LOG_FORMAT: choice(
    ['auto', 'json', 'pretty'],
    'auto',
    'Form of the log: json writes one object per line, pretty lines for people; auto is pretty on a terminal and json elsewhere. NO_COLOR=1 turns colors off.'
  ),
  MAX_BATCH_TOKENS: integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 2048,
    description: 'Largest batch in tokens, including padding. A longer text runs alone. The default on CUDA is 8192.'
  }),
  LONG_TEXT_TOKENS: integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 128,
    description: 'Length in tokens above which a text runs alone, because batching does not make it faster. The default on CUDA is 1024.'
  }),
  MAX_ATTENTION_BYTES: integer({
    minimum: 1_048_576,
    default: 201_326_592,
    description:
      'Memory in bytes for the attention scores of one pass, for models without fused attention: 16 bytes per head and pair of positions. A text that needs more runs alone. The default fits 1,024 positions of 12 heads.'
  }),
  PACKING: flag(
    'Pack short sequences and sequences with a common prefix into one row, which computes the prefix once, if the graph allows it and the self-test agrees (docs/reference/caching.md).',
    true
  ),
  PREFIX_CACHE_BYTES: integer({
    minimum: 0,
    default: 268_435_456,
    description:
      'Size in bytes of the prefix cache: keys and values of earlier prefixes, in each engine process, for models with past inputs. 0 disables it (docs/reference/caching.md).'
  }),
  RESULT_CACHE_BYTES: integer({
    minimum: 0,
    default: 67_108_864,
    description: 'Size in bytes of the result cache: scores of earlier sequences, which are not computed again. 0 disables it (docs/reference/caching.md).'
  }),
  MAX_QUEUE_TOKENS: integer({
    minimum: 1,
    default: 16_777_216,
    description:
      'Largest queue of a model in tokens, which bounds its memory. Requests that cannot finish before their deadline are rejected long before (docs/reference/limits-and-timeouts.md).'
  }),
  ...LIMIT_OPTIONS,
  DEADLINE_MS: integer({
    minimum: 1,
    maximum: 3_600_000,
    default: 240_000,
    description: 'Longest time for one request in milliseconds. The header x-request-timeout-ms can only shorten it.'
  }),
  BATCH_TIMEOUT_MS: integer({
    minimum: 100,
    default: 60_000,
    description: 'Longest time for one forward pass in milliseconds; less once the speed is known (docs/reference/limits-and-timeouts.md).'
  }),
  HEARTBEAT_TIMEOUT_MS: integer({
    minimum: 400,
    default: 8000,
    description: 'Longest time in milliseconds without a sign of progress from an engine process. After it the engine counts as hung and is restarted.'
  }),
  START_TIMEOUT_MS: integer({
    minimum: 1000,
    default: 600_000,
    description: 'Longest time for an engine process to load the model and pass the self-test, in milliseconds.'
  }),
  CANARY_INTERVAL_MS: integer({
    minimum: 0,
    maximum: 86_400_000,
    default: 60_000,
    description: 'Interval of the canary in milliseconds: a text of the self-test is scored again and compared (docs/guides/monitor.md). 0 disables it.'
  }),
  MODEL_FILES_INTERVAL_MS: integer({
    minimum: 100,
    maximum: 3_600_000,
    default: 5000,
    description: 'Interval in milliseconds at which an idle service checks the model files for changes. Each forward pass checks them too.'
  }),
  VERIFY_PERCENT: integer({
    minimum: 0,
    maximum: 100,
    default: 1,
    description:
      'Percentage of scored sequences that are verified deeply after their response, while the service is idle. 0 disables it (docs/guides/monitor.md).'
  }),
  HEADERS_TIMEOUT_MS: integer({ minimum: 100, default: 10_000, description: 'Longest time for a client to send the request headers, in milliseconds.' }),
  BODY_TIMEOUT_MS: integer({
    minimum: 100,
    default: 30_000,
    description: 'Longest time for a client to send the whole request, in milliseconds. Must not be below headers-timeout-ms.'
  }),
  WRITE_TIMEOUT_MS: integer({
    minimum: 100,
    default: 30_000,
    description:
      'Longest time in which a client reads nothing of its response, in milliseconds. A response must also be read at 64 KiB/s on average; otherwise its connection is closed.'
  }),
  KEEP_ALIVE_TIMEOUT_MS: integer({
    minimum: 1000,
    default: 72_000,
    description: 'Time in milliseconds that an idle connection stays open. Choose it above the idle timeout of the gateway.'
  }),
  EXIT_ON_FAILURE: flag('End with exit code 20 when a model has failed for good; false keeps serving what still works (docs/guides/deploy.md).', true),
  DRAIN_DELAY_MS: integer({
    minimum: 0,
    maximum: 600_000,
    default: 0,
    description:
      'Time in milliseconds to keep serving after SIGTERM, with /readyz at 503, so that gateways notice. Use 5000 behind a gateway; 0 stops accepting connections at once.'
  })
} as const

export type OptionName = keyof typeof OPTIONS
export type Config = { readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]> }

/** The prefix keeps variables such as PORT of other programs from configuring logpr. */
export const ENV_PREFIX = 'LOGPR_'

/** `MAX_BATCH_TOKENS` becomes `max-batch-tokens`. */
export function flagOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/** How messages name a setting: `--port (LOGPR_PORT)`. */
export function labelOf(name: OptionName): string {
  return `--${flagOf(name)} (${ENV_PREFIX}${name})`
}
