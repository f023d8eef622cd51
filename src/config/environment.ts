import { didYouMean } from './nearest-name.ts'
import { ENV_PREFIX, OPTIONS } from './options.ts'

/** Variables that logpr reads without being settings of the table. */
const OTHER_NAMES = ['HF_TOKEN']

/**
 * Variables of docker-compose.yml, deploy/ and the scripts of this repository, and those that Kubernetes sets for a
 * service named logpr.
 */
const FOREIGN =
  /^(?:CI|BENCH|SOAK|INTEROP|HUB)_|^(?:A|B|BASE_IMAGE|CPUS|MEMORY|PUBLISH|TAG|VERSION|GATEWAY|GATEWAY_METRICS|CHECK_PORT|ENVOY)$|^(?:KEEP_RESULTS|STAND_INS|API_EXAMPLES)$|^SERVICE_(?:HOST|PORT)|^PORT_\d+_/

/**
 * A warning for every LOGPR_ variable that is not a setting. It is no error: a deployment that goes back to an older
 * version has variables which that version does not know, and must start.
 */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...Object.keys(OPTIONS), ...OTHER_NAMES]
  return Object.keys(env)
    .filter((variable) => variable.startsWith(ENV_PREFIX) && env[variable] !== '')
    .map((variable) => variable.slice(ENV_PREFIX.length))
    .filter((name) => !known.includes(name) && !FOREIGN.test(name))
    .map((name) => `${ENV_PREFIX}${name} is ignored: no setting has this name${didYouMean(name, known, ENV_PREFIX)}`)
}
