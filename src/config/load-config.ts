import { parseArgs } from 'node:util'
import envSchema from 'env-schema'
import { ServiceError } from '../errors.ts'
import { type Config, ENV_PREFIX, flagOf, OPTIONS, type OptionName } from './options.ts'

export interface LoadedConfig<Own extends string> {
  /** Frozen. */
  readonly config: Config
  /** The values of the command's own flags. */
  readonly own: Readonly<Partial<Record<Own, string>>>
  readonly positionals: readonly string[]
  /** The settings that a flag or a variable set. */
  readonly given: ReadonlySet<OptionName>
}

/**
 * Reads the settings from flags, `LOGPR_*` variables and defaults, in this order of precedence. `ownFlags` are further
 * flags that the command defines itself. Throws `configuration_invalid`, which lists every invalid value.
 */
export function loadConfig<Own extends string = never>(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  ownFlags: readonly Own[] = []
): LoadedConfig<Own> {
  const names = Object.keys(OPTIONS) as OptionName[]
  const switches = names.filter((name) => OPTIONS[name].type === 'boolean').map(flagOf)
  const { values, positionals } = parseFlags(joinSwitches(argv, switches), [...names.map(flagOf), ...ownFlags])
  const data: Record<string, string> = {}
  for (const name of names) {
    const value = values[flagOf(name)] ?? env[ENV_PREFIX + name]
    if (value !== undefined && value !== '') data[name] = OPTIONS[name].type === 'boolean' ? booleanOf(value) : value
  }
  const own = Object.fromEntries(ownFlags.flatMap((flag) => (values[flag] === undefined ? [] : [[flag, values[flag]]])))
  return { config: Object.freeze(validated(data)), own: own as Partial<Record<Own, string>>, positionals, given: new Set(Object.keys(data) as OptionName[]) }
}

/** `--hub-offline` alone is `--hub-offline=true`. */
function joinSwitches(argv: readonly string[], switches: readonly string[]): string[] {
  return argv.map((argument, i) =>
    argument.startsWith('--') && switches.includes(argument.slice(2)) && !/^(?:true|false)$/.test(argv[i + 1] ?? '') ? `${argument}=true` : argument
  )
}

/** Also accepts the words that Python's huggingface_hub accepts. The schema rejects anything else. */
function booleanOf(text: string): string {
  if (/^(?:1|on|yes)$/i.test(text)) return 'true'
  return /^(?:0|off|no)$/i.test(text) ? 'false' : text.toLowerCase()
}

function parseFlags(argv: readonly string[], flags: readonly string[]): { values: Record<string, string | undefined>; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: Object.fromEntries(flags.map((flag) => [flag, { type: 'string' as const }])),
      allowPositionals: true
    })
    return { values: values as Record<string, string | undefined>, positionals }
  } catch (error) {
    throw new ServiceError('configuration_invalid', error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function validated(data: Record<string, string>): Config {
  let config: Config
  try {
    config = envSchema<Config>({ schema: { type: 'object', properties: OPTIONS, additionalProperties: false }, data, env: false })
  } catch (error) {
    throw new ServiceError('configuration_invalid', faultsOf(error), { cause: error })
  }
  const faults = [
    config.HEADERS_TIMEOUT_MS > config.BODY_TIMEOUT_MS ? 'HEADERS_TIMEOUT_MS must not be above BODY_TIMEOUT_MS, which covers the whole request' : '',
    config.MAX_BODY_BYTES > config.MAX_HELD_BYTES ? 'MAX_BODY_BYTES must not be above MAX_HELD_BYTES: the largest body would always be rejected' : '',
    config.MAX_HELD_BYTES_PER_CLIENT > 0 && config.MAX_BODY_BYTES > config.MAX_HELD_BYTES_PER_CLIENT
      ? 'MAX_BODY_BYTES must not be above MAX_HELD_BYTES_PER_CLIENT: the largest body would always be rejected'
      : '',
    config.BATCH_TIMEOUT_MS > config.DEADLINE_MS ? 'BATCH_TIMEOUT_MS must not be above DEADLINE_MS: a hung engine would outlive every request' : '',
    config.HEARTBEAT_TIMEOUT_MS > config.START_TIMEOUT_MS
      ? 'HEARTBEAT_TIMEOUT_MS must not be above START_TIMEOUT_MS: a stopped engine would not be noticed while it loads'
      : '',
    config.MANAGEMENT_PORT !== 0 && config.MANAGEMENT_PORT === config.PORT && (config.MANAGEMENT_HOST === '' || config.MANAGEMENT_HOST === config.HOST)
      ? 'MANAGEMENT_PORT must differ from PORT; 0 serves the probes and metrics on PORT'
      : ''
  ].filter((fault) => fault !== '')
  if (faults.length > 0) throw new ServiceError('configuration_invalid', faults.join('; '))
  return config
}

interface SchemaFault {
  readonly instancePath: string
  readonly message?: string
  readonly params: { readonly allowedValues?: readonly string[] }
}

/** Every invalid value, with its flag and its variable. */
function faultsOf(error: unknown): string {
  const faults = (error as { errors?: readonly SchemaFault[] }).errors
  if (faults === undefined) return String(error)
  return faults
    .map(({ instancePath, message, params }) => {
      const name = instancePath.slice(1)
      const expected = params.allowedValues === undefined ? message : `must be one of ${params.allowedValues.join(', ')}`
      return `--${flagOf(name)} (${ENV_PREFIX}${name}) ${expected}`
    })
    .join('; ')
}

/**
 * Defaults on a GPU; not measured. MAX_BATCH_TOKENS is half of the 16,384 tokens that text-embeddings-inference uses,
 * because a language model also computes logits. With LONG_TEXT_TOKENS the attention scores of a full batch take about
 * 2 GB in an unfused graph with 16 heads.
 */
const CUDA_DEFAULTS = { MAX_BATCH_TOKENS: 8192, LONG_TEXT_TOKENS: 1024 } as const satisfies Partial<Config>

/** Replaces the defaults of settings that were not given by those of the execution provider. */
export function withProviderDefaults(config: Config, given: ReadonlySet<OptionName>, executionProvider: 'cpu' | 'cuda'): Config {
  if (executionProvider === 'cpu') return config
  const missing = Object.entries(CUDA_DEFAULTS).filter(([name]) => !given.has(name as OptionName))
  return Object.freeze({ ...config, ...Object.fromEntries(missing) })
}
