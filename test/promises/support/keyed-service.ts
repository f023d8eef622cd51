import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningService, startService } from '../../support/running-service.ts'
import { LoadClient } from './load-client.ts'

export interface KeyedService extends RunningService {
  readonly clients: readonly LoadClient[]
  /** Sum of the series of a metric. */
  metric(name: string): Promise<number>
}

/** Runs `use` with a service for the owners of `keys`, who have a client each, and stops the service. */
export async function withKeyedService<T>(
  keys: readonly string[],
  env: Readonly<Record<string, string>>,
  use: (service: KeyedService) => Promise<T>
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-promises-'))
  const file = join(folder, 'keys')
  writeFileSync(file, keys.join('\n'))
  const service = await startService({ LOGPR_API_KEYS_FILE: file, LOGPR_LOG_LEVEL: 'info', ...env })
  const clients = keys.map((key) => new LoadClient(service.url, key))
  try {
    return await use({
      ...service,
      clients,
      async metric(name) {
        const text = await (await fetch(`${service.managementUrl}/metrics`)).text()
        const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
      }
    })
  } finally {
    for (const client of clients) client.close()
    service.process.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
}
