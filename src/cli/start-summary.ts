import type { ServedModel, ServedModels } from '../http/served-models.ts'
import { LOGPR_VERSION } from '../process/package-info.ts'

/** Significant digits of a tolerance. */
const DIGITS = 2

/**
 * What a person at a terminal wants to know of a service that has become ready: where it is, what it serves, what the
 * self-test found, and how to stop it. `address` is the URL that the service listens on, with its base path.
 */
export function startSummary(models: Pick<ServedModels, 'ids' | 'scoring'>, address: string, managementAddress: string | null): string {
  const served = models.ids.map((id) => models.scoring(id).model)
  const url = openableUrl(address)
  const lines: readonly (readonly [label: string, text: string])[] = [
    ['Open', `${url}/ (API reference: ${url}/docs)`],
    ...(managementAddress === null ? [] : [['Probes', `${openableUrl(managementAddress)}/readyz, metrics at /metrics`] as const]),
    ...served.flatMap((model) => [['Model', modelText(model)] as const, ['Self-test', selfTestText(model)] as const]),
    ['Stop', 'press Ctrl-C: requests in progress are finished; again to stop at once']
  ]
  const width = Math.max(...lines.map(([label]) => label.length)) + 2
  return `\nlogpr ${LOGPR_VERSION} is ready\n\n${lines.map(([label, text]) => `  ${label.padEnd(width)}${text}\n`).join('')}\n`
}

/** A browser cannot open the address that stands for all addresses of the machine. */
function openableUrl(address: string): string {
  return address.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
}

function modelText({ id, maxModelLen, stamp, replicas }: ServedModel): string {
  const engines = replicas === 1 ? '' : ` in each of ${replicas} engines`
  const threads = `${stamp.threads} thread${stamp.threads === 1 ? '' : 's'}`
  return `${id}, ${stamp.dtype}, up to ${maxModelLen.toLocaleString('en')} tokens, ${stamp.execution_provider} with ${threads}${engines}`
}

/** The messages of checks that did not pass follow, each in its own line. */
function selfTestText({ id, selfTest }: ServedModel): string {
  const { verdict, items, toleranceNats } = selfTest
  const run = items.filter(({ status }) => status !== 'skipped')
  const remarkable = run.filter(({ status }) => status !== 'pass')
  const counts = `${run.length - remarkable.length} of ${run.length} checks passed`
  const tolerance = `tolerance ${Number(toleranceNats.toPrecision(DIGITS))} nats per token`
  const details = remarkable.map(({ status, message }) => `\n    ${status}: ${message}`).join('')
  return `${verdict}: ${counts}, ${tolerance}${details === '' ? '' : `${details}\n    All checks: GET /v1/models/${id}`}`
}
