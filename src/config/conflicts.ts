import { type Config, labelOf, OPTIONS, type OptionName } from './options.ts'
import { webFaultsOf } from './web-settings.ts'

type IntegerName = { [Name in OptionName]: (typeof OPTIONS)[Name]['type'] extends 'integer' ? Name : never }[OptionName]

/** The first setting must not be above the second. */
const ORDERED: readonly (readonly [IntegerName, IntegerName, string])[] = [
  ['HEADERS_TIMEOUT_MS', 'BODY_TIMEOUT_MS', 'the body timeout covers the whole request'],
  ['MAX_BODY_BYTES', 'MAX_HELD_BYTES', 'the largest body would always be rejected'],
  ['MAX_BODY_BYTES', 'MAX_HELD_BYTES_PER_CLIENT', 'the largest body would always be rejected'],
  ['BATCH_TIMEOUT_MS', 'DEADLINE_MS', 'a hung engine would outlive every request'],
  ['HEARTBEAT_TIMEOUT_MS', 'START_TIMEOUT_MS', 'a stopped engine would not be noticed while it loads']
]

/**
 * Settings that contradict each other or have a form that no schema expresses, each with its flag, its variable and its
 * value.
 */
export function conflictsOf(config: Config, taken: ReadonlySet<OptionName>): string[] {
  const shown = (name: OptionName): string => `${config[name]}${config[name] === OPTIONS[name].default ? ' by default' : ''}`
  const conflicts = ORDERED.filter(([low, high]) => {
    const isUnset = high === 'MAX_HELD_BYTES_PER_CLIENT' && config[high] === 0
    return taken.has(low) && taken.has(high) && !isUnset && config[low] > config[high]
  }).map(([low, high, reason]) => `${labelOf(low)} is ${shown(low)} and must not be above ${labelOf(high)}, which is ${shown(high)}: ${reason}`)

  const { HOST, PORT, MANAGEMENT_HOST, MANAGEMENT_PORT } = config
  if (MANAGEMENT_PORT !== 0 && MANAGEMENT_PORT === PORT && (MANAGEMENT_HOST === '' || MANAGEMENT_HOST === HOST))
    conflicts.push(`${labelOf('MANAGEMENT_PORT')} must differ from ${labelOf('PORT')}, but both are ${PORT}; 0 serves the probes and metrics on the main port`)
  const web = webFaultsOf(config)
  conflicts.push(...web.CORS_ORIGIN.map((fault) => `${labelOf('CORS_ORIGIN')} ${fault}`))
  if (web.BASE_PATH !== null) conflicts.push(`${labelOf('BASE_PATH')} ${web.BASE_PATH}`)
  return conflicts
}

/** Whether only this machine can connect to the address. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** A warning for a service that other machines reach and that asks for no key; null otherwise. */
export function openServiceWarning({ HOST, API_KEYS_FILE }: Config): string | null {
  if (API_KEYS_FILE !== '' || isLoopback(HOST)) return null
  return `everyone who can reach ${HOST} may send requests: set ${labelOf('API_KEYS_FILE')}, or listen on 127.0.0.1 behind a gateway that checks keys`
}
