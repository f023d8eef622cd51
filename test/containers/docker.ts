/** A Docker daemon for the tests: the one that DOCKER_HOST names, or an own one below a temporary folder. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { pause } from '../support/running-service.ts'
import { provideImages } from './stand-ins.ts'

const run = promisify(execFile)

export interface Docker {
  /** What `docker ARGS` prints. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>
  /** What docker compose prints, in the folder of docker-compose.yml. */
  compose(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string>
  /** Names of images that are stand-ins, because no registry could be reached. */
  readonly standIns: readonly string[]
  stop(): Promise<void>
}

/** Base images of the Dockerfile and images of docker-compose.yml, under the tags that these files name. */
export type Image = 'node:24-bookworm-slim' | 'nvidia/cuda:13.0.1-runtime-ubuntu22.04' | 'haproxy:3.2.4-alpine' | 'prom/prometheus:v3.5.0'

const MAX_OUTPUT_BYTES = 64 << 20
const BUILD_TIMEOUT_MS = 900_000

/**
 * A daemon that has the images, or the reason why there can be none. Images that cannot be pulled are replaced by
 * stand-ins made from Debian's packages, but only in an own daemon: LOGPR_STAND_INS=true allows it in another.
 */
export async function startDocker(images: readonly Image[]): Promise<Docker | string> {
  const given = process.env.DOCKER_HOST
  if (given !== undefined) return whenProvided(given, images, process.env.LOGPR_STAND_INS === 'true', async () => {})
  if (process.getuid?.() !== 0) return 'needs root to start a Docker daemon, or DOCKER_HOST to name one'
  const missing = await missingCommands(['docker', 'dockerd', 'debootstrap'])
  if (missing.length > 0) return `needs ${missing.join(', ')} (Debian: apt-get install docker.io debootstrap docker-compose)`
  const folder = mkdtempSync(join(tmpdir(), 'logpr-docker-'))
  const host = `unix://${folder}/docker.sock`
  const log = openSync(join(folder, 'dockerd.log'), 'a')
  // The own data root leaves the images of the machine alone. Docker itself finds a storage driver that works there.
  const options = { '--data-root': `${folder}/data`, '--exec-root': `${folder}/exec`, '--pidfile': `${folder}/pid`, '-H': host }
  const daemon = spawn('dockerd', Object.entries(options).flat(), { stdio: ['ignore', log, log] })
  const stop = async (): Promise<void> => {
    await ended(daemon)
    rmSync(folder, { recursive: true, force: true })
  }
  for (let tries = 0; tries < 60; tries++) {
    if (daemon.exitCode !== null) return `dockerd ended with ${daemon.exitCode}; its log is ${folder}/dockerd.log`
    if (await answers(host)) return whenProvided(host, images, true, stop)
    await pause(500)
  }
  await stop()
  return 'dockerd did not answer within 30 s'
}

async function whenProvided(host: string, images: readonly Image[], mayStandIn: boolean, stop: Docker['stop']): Promise<Docker | string> {
  const environment = { ...process.env, DOCKER_HOST: host }
  const options = { cwd: PACKAGE_FOLDER, maxBuffer: MAX_OUTPUT_BYTES, timeout: BUILD_TIMEOUT_MS }
  const hasPlugin = await run('docker', ['compose', 'version'], { env: environment }).then(
    () => true,
    () => false
  )
  const docker: Docker = {
    standIns: [],
    stop,
    run: async (args, env = {}) => (await run('docker', args, { ...options, env: { ...environment, ...env } })).stdout,
    compose: async (args, env) =>
      (await run(hasPlugin ? 'docker' : 'docker-compose', [...(hasPlugin ? ['compose'] : []), ...args], { ...options, env: { ...environment, ...env } })).stdout
  }
  const provided = await provideImages(docker, images, mayStandIn)
  if (typeof provided !== 'string') return { ...docker, standIns: provided }
  await stop()
  return provided
}

async function answers(host: string): Promise<boolean> {
  return run('docker', ['-H', host, 'info']).then(
    () => true,
    () => false
  )
}

async function missingCommands(names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map((name) =>
      run('sh', ['-c', `command -v ${name}`]).then(
        () => [],
        () => [name]
      )
    )
  )
  return found.flat()
}

async function ended(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null) return
  const exit = new Promise((resolve) => daemon.once('exit', resolve))
  daemon.kill('SIGTERM')
  await exit
}
