import { type Docker, startDocker } from '../../containers/docker.ts'
import { startFleet } from '../../containers/fleet.ts'
import { isolationOf } from '../../containers/isolation.ts'
import type { Measured, ServicePromise } from '../promise.ts'

async function measureIn(docker: Docker): Promise<Measured> {
  await docker.run(['build', '--target', 'runtime', '--tag', 'logpr:0.1.0', '.'])
  const fleet = await startFleet(docker)
  try {
    const findings = await isolationOf(docker, fleet)
    const broken = findings.filter(({ isKept }) => !isKept).map(({ property, found }) => `NOT: ${property} (${found})`)
    const base = docker.standIns.length > 0 ? 'Debian stand-ins for the base images' : 'the base images'
    const properties = findings.map(({ property }) => property).join('; ')
    const kept = broken.length === 0 ? `all ${findings.length}: ${properties}` : broken.join('; ')
    return { isKept: broken.length === 0, measured: `docker-compose.yml on ${base}: ${kept}` }
  } finally {
    await fleet.stop()
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'G6',
    claim: 'A container can do nothing but serve.',
    target: 'not root, read-only root, no shell, no capabilities, no new privileges, seccomp, no way out: all of them',
    async measure() {
      const docker = await startDocker(['node:24-bookworm-slim', 'haproxy:3.2.4-alpine', 'prom/prometheus:v3.5.0'])
      if (typeof docker === 'string') return { isKept: false, measured: `not measured: ${docker}` }
      try {
        return await measureIn(docker)
      } finally {
        await docker.stop()
      }
    }
  }
]
