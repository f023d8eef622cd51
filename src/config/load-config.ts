import envSchema from 'env-schema'
import { ServiceError } from '../errors.ts'
import { conflictsOf } from './conflicts.ts'
import type { CommandFlag, OptionSchema, ValueOf } from './option-schema.ts'
import { type Config, ENV_PREFIX, flagOf, labelOf, OPTIONS, type OptionName } from './options.ts'
import { type FlagForm, parseFlags } from './parse-flags.ts'

type CommandFlags = Readonly<Record<string, CommandFlag>>

/** What the arguments of one command may be. */
export interface CommandForm<Flags extends CommandFlags> {
  /** As typed after `logpr`. */
  readonly name: string
  /** The flags that only this command has. */
  readonly flags: Flags
  /** The settings that change what the command does. Flags of all others are refused; their variables are not read. */
  readonly settings: readonly OptionName[]
  /** What follows the flags: its name in the help, and how many there may be. */
  readonly operand?: { readonly name: string; readonly max: number }
}

export interface LoadedConfig<Flags extends CommandFlags> {
  /** Frozen. Settings that the command does not take have their defaults. */
  readonly config: Config
  /** The values of the command's own flags that were given. */
  readonly own: { readonly [Flag in keyof Flags]?: ValueOf<Flags[Flag]> }
  readonly positionals: readonly string[]
  /** The settings that a flag or a variable set. */
  readonly given: ReadonlySet<OptionName>
}

const ALL_NAMES = Object.keys(OPTIONS) as OptionName[]

/** Every setting and nothing else, as `logpr serve` takes them. */
const SERVICE_FORM = { name: 'serve', flags: {}, settings: ALL_NAMES } as const satisfies CommandForm<CommandFlags>

/**
 * Reads the settings from flags, `LOGPR_*` variables and defaults, in this order of precedence, and the command's own
 * flags and operands. Throws `configuration_invalid`, which lists everything that is wrong.
 */
export function loadConfig<const Flags extends CommandFlags = typeof SERVICE_FORM.flags>(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  form: CommandForm<Flags> = SERVICE_FORM as CommandForm<CommandFlags> as CommandForm<Flags>
): LoadedConfig<Flags> {
  const { settings, flags } = form
  const forms = new Map([
    ...Object.entries(flags).map(([flag, schema]) => [flag, flagForm(schema)] as const),
    ...settings.map((name) => [flagOf(name), flagForm(OPTIONS[name])] as const)
  ])
  const { values, positionals, faults } = parseFlags(argv, forms, (flag) => settingOfOthers(flag, form.name))

  const given: Record<string, string> = {}
  for (const name of settings) {
    const value = values.get(flagOf(name))?.[0] ?? env[ENV_PREFIX + name]
    if (value !== undefined && value !== '') given[name] = OPTIONS[name].type === 'boolean' ? booleanOf(value) : value
  }
  const ownData = Object.fromEntries(
    Object.entries(flags).flatMap(([flag, { isRepeated }]) => (values.has(flag) ? [[flag, isRepeated ? values.get(flag) : values.get(flag)?.[0]]] : []))
  )
  const validation = validate({ ...given, ...ownData }, form)
  const config = Object.freeze({ ...DEFAULTS, ...validation.values }) as Config
  const conflicts = validation.faults.length > 0 ? [] : conflictsOf(config, new Set(settings))
  const all = [...faults, ...excess(positionals, form), ...validation.faults, ...conflicts]
  if (all.length > 0) throw new ServiceError('configuration_invalid', all.join('; '))
  const own = Object.fromEntries(Object.keys(ownData).map((flag) => [flag, validation.values[flag]]))
  return {
    config,
    own: own as LoadedConfig<Flags>['own'],
    positionals: positionals.map(({ value }) => value),
    given: new Set(Object.keys(given) as OptionName[])
  }
}

const DEFAULTS = Object.fromEntries(ALL_NAMES.map((name) => [name, OPTIONS[name].default]))

function flagForm({ type, placeholder, isRepeated }: CommandFlag): FlagForm {
  return { type, placeholder: placeholder ?? (type === 'integer' ? 'N' : 'VALUE'), isRepeated: isRepeated ?? false }
}

/** The reason why a command does not take a setting of the service. */
function settingOfOthers(flag: string, command: string): string | null {
  return ALL_NAMES.some((name) => flagOf(name) === flag) ? `has no effect on logpr ${command}; leave it out` : null
}

function excess(positionals: ReturnType<typeof parseFlags>['positionals'], { name, operand }: CommandForm<CommandFlags>): string[] {
  const max = operand?.max ?? 0
  if (positionals.length <= max) return []
  const takes = operand === undefined ? 'no arguments besides flags' : `${max === 1 ? 'one' : `at most ${max}`} ${operand.name}`
  const flag = positionals.slice(max).find(({ after }) => after !== null)?.after
  return [`logpr ${name} takes ${takes} (got ${positionals.length})${flag ? `; ${flag} takes true or false` : ''}`]
}

/** Also accepts the words that Python's huggingface_hub accepts. The schema rejects anything else. */
function booleanOf(text: string): string {
  if (/^(?:1|on|yes)$/i.test(text)) return 'true'
  return /^(?:0|off|no)$/i.test(text) ? 'false' : text.toLowerCase()
}

type Data = Readonly<Record<string, unknown>>

/** The values in their types, and what is wrong with them. */
function validate(data: Data, { settings, flags }: CommandForm<CommandFlags>): { readonly values: Data; readonly faults: readonly string[] } {
  const properties = Object.fromEntries([
    ...settings.map((name) => [name, OPTIONS[name] as OptionSchema]),
    ...Object.entries(flags).map(([flag, schema]) => [flag, schemaOf(schema)])
  ])
  try {
    return { values: envSchema<Data>({ schema: { type: 'object', properties, additionalProperties: false }, data, env: false }), faults: [] }
  } catch (error) {
    return { values: {}, faults: faultsOf(error, data) }
  }
}

function schemaOf({ type, enum: choices, minimum, maximum, isRepeated }: CommandFlag): object {
  const single = { type, ...(choices ? { enum: choices } : {}), ...(minimum === undefined ? {} : { minimum }), ...(maximum === undefined ? {} : { maximum }) }
  return isRepeated ? { type: 'array', items: single } : single
}

interface SchemaFault {
  readonly instancePath: string
  readonly message?: string
  readonly params: { readonly allowedValues?: readonly string[]; readonly type?: string }
}

const KINDS: Readonly<Record<string, string>> = { integer: 'a whole number', boolean: 'true or false' }

/** Every invalid value, with its flag and its variable. Texts have no wrong value, so none is shown. */
function faultsOf(error: unknown, data: Data): string[] {
  const faults = (error as { errors?: readonly SchemaFault[] }).errors
  if (faults === undefined) throw error
  return faults.map(({ instancePath, message, params }) => {
    const name = instancePath.slice(1)
    const kind = KINDS[params.type ?? '']
    const expected = params.allowedValues !== undefined ? `must be one of ${params.allowedValues.join(', ')}` : kind ? `must be ${kind}` : message
    const label = name in OPTIONS ? labelOf(name as OptionName) : `--${name}`
    const value = String(data[name])
    const isFromKubernetes = name === 'PORT' && value.startsWith('tcp://')
    const got = isFromKubernetes
      ? ' (Kubernetes has set it for a service named logpr: set enableServiceLinks: false)'
      : ` (got ${JSON.stringify(value.slice(0, 40))})`
    return `${label} ${expected}${got}`
  })
}
