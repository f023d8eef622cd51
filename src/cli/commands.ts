import type { CommandForm } from '../config/load-config.ts'
import type { CommandFlag } from '../config/option-schema.ts'
import { OPTIONS, type OptionName } from '../config/options.ts'
import { AUDIT_FLAGS } from './audit-flags.ts'
import { COMPARE_FLAGS } from './compare-flags.ts'
import { PERPLEXITY_FLAGS } from './perplexity-flags.ts'
import { SCORE_FLAGS } from './score-flags.ts'

/** What the parser and the help know about a command. */
export interface CommandSpec<Flags extends Readonly<Record<string, CommandFlag>> = Readonly<Record<string, CommandFlag>>> extends CommandForm<Flags> {
  /** One line of `logpr help`. */
  readonly summary: string
  readonly usage: readonly string[]
  /** Paragraphs. */
  readonly description: readonly string[]
  /** Command lines with what each does. */
  readonly examples: readonly (readonly [command: string, what: string])[]
}

/** Settings that choose a model and its files. */
const FILE_SETTINGS = ['MODEL', 'HUB_OFFLINE', 'DTYPE'] as const satisfies readonly OptionName[]
/** Settings that change what a model computes, how fast, or in how much memory. */
const ENGINE_SETTINGS = [
  ...FILE_SETTINGS,
  'PRECISION',
  'MAX_MODEL_LEN',
  'EXECUTION_PROVIDER',
  'THREADS',
  'REPLICAS',
  'MAX_BATCH_TOKENS',
  'LONG_TEXT_TOKENS',
  'MAX_ATTENTION_BYTES',
  'PACKING',
  'PREFIX_CACHE_BYTES'
] as const satisfies readonly OptionName[]
const SCORE_SETTINGS = [
  ...ENGINE_SETTINGS,
  'PREFIX_TOKEN',
  'CHAT_TEMPLATE',
  'PREPARED_FOLDER',
  'ENGINE_NICENESS',
  'RESULT_CACHE_BYTES',
  'MAX_TOKENIZING_UNITS',
  'BATCH_TIMEOUT_MS',
  'HEARTBEAT_TIMEOUT_MS',
  'START_TIMEOUT_MS',
  'LOG_LEVEL',
  'LOG_FORMAT'
] as const satisfies readonly OptionName[]

const PERPLEXITY_SETTINGS = SCORE_SETTINGS.filter((name) => name !== 'CHAT_TEMPLATE')

const MODEL_OPERAND = { name: 'MODEL', max: 1 } as const
const JSON_FLAG = { type: 'boolean', description: 'Print JSON, for programs.' } as const satisfies CommandFlag
const nats = (description: string) => ({ type: 'string', placeholder: 'NATS', description }) as const satisfies CommandFlag
const tokens = (description: string) => ({ type: 'string', placeholder: 'N', description }) as const satisfies CommandFlag

const define = <const Flags extends Readonly<Record<string, CommandFlag>>>(spec: CommandSpec<Flags>): CommandSpec<Flags> => spec

/** Every command, in the order of the help. */
export const COMMANDS = {
  serve: define({
    name: 'serve',
    summary: 'start the HTTP service',
    usage: ['logpr serve [SETTINGS]'],
    description: ['Runs until SIGTERM or Ctrl-C, which finish the requests in progress; a second one stops at once.'],
    examples: [
      ['logpr serve', 'the included model on http://127.0.0.1:8080'],
      ['logpr serve --model organisation/name --port 9000 --api-keys-file keys.txt', 'a hub model, for clients with a key']
    ],
    flags: {},
    settings: Object.keys(OPTIONS) as OptionName[]
  }),
  score: define({
    name: 'score',
    summary: 'score pairs from flags, files or standard input, without HTTP',
    usage: ['logpr score --x TEXT --y TEXT [--y TEXT ...]', 'logpr score [FILE or "GLOB" ...]'],
    description: [
      'Reads JSON Lines: an object with x (a text or token ids) or messages, y (one output or a list of outputs) and, optionally, id per line. Reads standard input without a FILE, or for the FILE -.',
      'Prints a table on a terminal and JSON Lines elsewhere, in input order, with file and line number. A line that cannot be scored gives an error in its place. Progress and a summary go to standard error.',
      'Exit codes: 0 all scored, 1 some lines failed, 2 nothing was scored because of an error, 130 interrupted by Ctrl-C.'
    ],
    examples: [
      ['logpr score --x "The children ran down to the" --y " river" --y " sea"', 'two outputs for one prompt'],
      ['logpr score "data/*.jsonl" --terms conditional > scores.jsonl', 'log Pr(y | x) of every line of several files']
    ],
    flags: SCORE_FLAGS,
    settings: SCORE_SETTINGS,
    operand: { name: 'FILE', max: Number.POSITIVE_INFINITY }
  }),
  perplexity: define({
    name: 'perplexity',
    summary: 'the perplexity of texts of any length, in windows, without HTTP',
    usage: ['logpr perplexity [FILE or "GLOB" ...]'],
    description: [
      'Takes each file as one text, or with --per line each line, or with --field a field of each line of JSON. Reads standard input without a FILE, or for the FILE -. Files are read while they are scored, so they may have any size.',
      'Prints a table on a terminal and JSON Lines elsewhere, in input order. A text that cannot be scored gives an error in its place; blank lines give nothing. Progress and a summary go to standard error.',
      'Exit codes: 0 all scored, 1 some texts failed, 2 nothing was scored because of an error, 130 interrupted by Ctrl-C.'
    ],
    examples: [
      ['logpr perplexity book.txt --window disjoint', 'the rolling log-likelihood of lm-evaluation-harness'],
      ['logpr perplexity --field text --number web.jsonl > perplexities.txt', 'one number per line']
    ],
    flags: PERPLEXITY_FLAGS,
    settings: PERPLEXITY_SETTINGS,
    operand: { name: 'FILE', max: Number.POSITIVE_INFINITY }
  }),
  check: define({
    name: 'check',
    summary: 'check whether reported log-probabilities are consistent; needs no model',
    usage: ['logpr check --joint NATS --marginal NATS [--conditional NATS] [--x-tokens N] [--y-tokens N]'],
    description: ['Prints the response of POST /v1/check. Exit codes: 0 consistent, 1 inconsistent, 2 wrong flags.'],
    examples: [
      ['logpr check --joint -13.29 --marginal -9.87 --conditional -3.42', 'consistent'],
      ['logpr check --joint -3.5 --marginal -5.2', 'impossible: log Pr([x, y]) above log Pr(x)']
    ],
    flags: {
      joint: nats('log Pr([x, y]).'),
      marginal: nats('log Pr(x).'),
      conditional: nats('log Pr(y | x).'),
      'x-tokens': tokens('Tokens of x.'),
      'y-tokens': tokens('Tokens of y.')
    },
    settings: []
  }),
  audit: define({
    name: 'audit',
    summary: "check another server's log-probabilities: vLLM, llama.cpp, SGLang, logpr",
    usage: ['logpr audit URL [--api-key-env VARIABLE] [--json]', 'logpr audit URL --model MODEL'],
    description: [
      'Sends some 60 requests to the completions endpoint below URL, with echo or prompt_logprobs, and compares their log-probabilities: alone and in a batch, a prefix and the longer text, the first and the second time. Needs no model. With --model, also compares them with this model, loaded here.',
      'Prints a table of the checks, and each finding with the curl commands that show it. A check that could not be made is shown as skipped, with the reason. docs/guides/audit.md explains every check.',
      'Exit codes: 0 no finding, 1 findings, 2 wrong flags, 30 the server cannot be reached, 31 it refuses the request, 32 its response cannot be read, 130 interrupted by Ctrl-C.'
    ],
    examples: [
      ['logpr audit https://gateway.example/v1 --served-model llama --api-key-env GATEWAY_KEY --json', 'one model behind a gateway, for CI'],
      ['logpr audit http://127.0.0.1:8000 --model organisation/name --tolerance 0.1', 'compared with the same model here']
    ],
    flags: AUDIT_FLAGS,
    settings: ENGINE_SETTINGS,
    operand: { name: 'URL', max: 1 }
  }),
  compare: define({
    name: 'compare',
    summary: 'compare two models, precisions or servers token by token on a corpus',
    usage: ['logpr compare A B --data FILE [--field NAME]', 'logpr compare --precision-b int8 --data FILE'],
    description: [
      'A and B are each a folder, an .onnx file, a hub id, or the URL of a server with echo and logprobs on its completions endpoint. Empty or left out, both are the model of --model. Both are loaded at the same time, and each text is read once: A scores it, then B.',
      'The data is one text per line, or with --field a field of each line of JSON. Prints the distribution of log Pr(token) under B minus A, how often both have the same top token, both perplexities, and the tokens that differ most. Texts that the two sides split into other tokens are compared by bits per byte alone. docs/guides/compare.md explains the numbers.',
      'Exit codes: 0 compared, 1 above --max-mean-nats or some texts failed, 2 wrong flags or a model that cannot be used, 30 a server cannot be reached, 31 it refuses the request, 32 its response cannot be read, 130 interrupted by Ctrl-C.'
    ],
    examples: [
      ['logpr compare --precision-b int8 --data texts.txt --max-mean-nats 0.05', 'what int8 changes, with a limit for CI'],
      ['logpr compare organisation/name http://127.0.0.1:8000 --data web.jsonl --field text --figure delta.svg', 'a model here and a server']
    ],
    flags: COMPARE_FLAGS,
    settings: ENGINE_SETTINGS,
    operand: { name: 'A B', max: 2 }
  }),
  inspect: define({
    name: 'inspect',
    summary: 'describe a model and its predicted memory, without loading its weights',
    usage: ['logpr inspect [MODEL] [--json]', 'logpr inspect --provider [--json]'],
    description: ['MODEL is a folder, an .onnx file or a hub id; without one, the included model.'],
    examples: [
      ['logpr inspect organisation/name --max-batch-tokens 1024', 'layout, numerics and memory of a hub model'],
      ['logpr inspect --provider --json', 'what CUDA needs on this machine, as JSON; exit code 1 if something is missing']
    ],
    flags: { json: JSON_FLAG, provider: { type: 'boolean', description: 'List what CUDA needs on this machine and what is missing.' } },
    settings: ENGINE_SETTINGS,
    operand: MODEL_OPERAND
  }),
  manifest: define({
    name: 'manifest',
    summary: 'print the SHA-256 of every file of a model, in the format of sha256sum',
    usage: ['logpr manifest [MODEL]'],
    description: ['Saved as SHA256SUMS in the model folder, the output is compared at every start.'],
    examples: [
      ['logpr manifest my-model > my-model/SHA256SUMS', 'record the files'],
      ['logpr manifest my-model --dtype q4', 'only the files of one dtype']
    ],
    flags: {},
    settings: FILE_SETTINGS,
    operand: MODEL_OPERAND
  }),
  pull: define({
    name: 'pull',
    summary: "download a hub model into the cache of Python's huggingface_hub",
    usage: ['logpr pull ID[/FOLDER][@REVISION] [--dtype DTYPE]'],
    description: ['Fetches the files of one dtype, verifies those already there, and prints the folder. After Ctrl-C the same command resumes.'],
    examples: [
      ['logpr pull organisation/name', 'the most exact weights'],
      ['logpr pull organisation/name@v1.0 --dtype q4', 'one revision, 4-bit weights']
    ],
    flags: {},
    settings: FILE_SETTINGS,
    operand: { name: 'ID', max: 1 }
  })
} as const

export type CommandName = keyof typeof COMMANDS
