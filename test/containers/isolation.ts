/** What a container may do: read from inside a running one, and compared with what it should be. */
import type { Docker } from './docker.ts'
import { type Fleet, SERVICES } from './fleet.ts'

/** One property of the containers, with what was found. */
export interface Finding {
  readonly property: string
  readonly isKept: boolean
  readonly found: string
}

/** Prints the status of process 1, where files can be written, and the limit of the heap. */
const LOOK_AROUND = `
const fs = require('node:fs')
const status = Object.fromEntries(fs.readFileSync('/proc/1/status', 'utf8').split('\\n').map((line) => line.split(/:\\s*/)))
const writable = ['/x', '/app/x', '/app/models/x', '/etc/x', '/home/node/x', '/var/x', '/tmp/x'].filter((path) => {
  try { fs.writeFileSync(path, ''); fs.unlinkSync(path); return true } catch { return false }
})
const programs = (process.env.PATH + ':/bin:/sbin:/usr/bin:/usr/sbin').split(':').flatMap((folder) => { try { return fs.readdirSync(folder) } catch { return [] } })
const heapBytes = require('node:v8').getHeapStatistics().heap_size_limit
console.log(JSON.stringify({ uid: process.getuid(), capabilities: status.CapEff, bounding: status.CapBnd, noNewPrivileges: status.NoNewPrivs, seccomp: status.Seccomp,
  writable, programs, heapBytes, telemetry: process.env.ORT_DISABLE_TELEMETRY, memoryBytes: process.constrainedMemory() }))`

interface Seen {
  readonly uid: number
  readonly capabilities: string
  readonly bounding: string
  readonly noNewPrivileges: string
  readonly seccomp: string
  readonly writable: readonly string[]
  readonly programs: readonly string[]
  readonly heapBytes: number
  readonly memoryBytes: number
  readonly telemetry: string
}

/** A host of the internet that builds need, so that it can be reached wherever the images can be built. */
const OUTSIDE = 'registry.npmjs.org'

/** Prints the address of OUTSIDE if a connection to it, or to the given address, can be made. */
const reachOut = (address: string): string => `
const reached = (address) => require('node:net').connect({ host: address, port: 443, timeout: 5000 })
  .on('connect', () => { console.log(address); process.exit() })
  .on('timeout', () => process.exit()).on('error', () => process.exit())
require('node:dns').lookup('${OUTSIDE}', (error, found) => { if (error && '${address}' === '') process.exit(); else reached('${address}' || found) })`

/** Looks into the replicas and the gateway of the compose file. */
export async function isolationOf(docker: Docker, fleet: Fleet): Promise<Finding[]> {
  const seen = JSON.parse(await fleet.node('logpr-a', LOOK_AROUND)) as Seen
  const limits = await Promise.all(
    SERVICES.map((service) =>
      fleet.inspect(service, '{{ .HostConfig.ReadonlyRootfs }} {{ .HostConfig.CapDrop }} {{ .HostConfig.SecurityOpt }} {{ .HostConfig.Init }}')
    )
  )
  // The control: the same image on a network with a route out.
  const outside = (await docker.run(['run', '--rm', 'logpr:0.1.0', 'node', '-e', reachOut('')])).trim()
  const byName = await fleet.node('logpr-a', reachOut(''))
  const byAddress = outside === '' ? '' : await fleet.node('logpr-a', reachOut(outside))
  const first = await fleet.node('logpr-a', "console.log(require('node:fs').readFileSync('/proc/1/comm', 'utf8').trim())")
  const finding = (property: string, isKept: boolean, found: unknown): Finding => ({ property, isKept, found: JSON.stringify(found) })
  return [
    finding('the user is not root', seen.uid === 1000, seen.uid),
    finding('no capability, not even in the bounding set', /^0+$/.test(seen.capabilities + seen.bounding), [seen.capabilities, seen.bounding]),
    finding('no new privileges', seen.noNewPrivileges === '1', seen.noNewPrivileges),
    finding('a seccomp filter', seen.seccomp === '2', seen.seccomp),
    finding('writes only to /tmp', seen.writable.join() === '/tmp/x', seen.writable),
    finding(
      'no shell, and no program but node and the init of Docker',
      seen.programs.every((name) => ['node', 'docker-init'].includes(name)),
      seen.programs
    ),
    finding('process 1 is an init', first === 'docker-init', first),
    finding('onnxruntime sends no telemetry', seen.telemetry === '1', seen.telemetry),
    finding('the heaps of two processes fit into the memory limit', 2 * seen.heapBytes < 0.75 * seen.memoryBytes, [seen.heapBytes, seen.memoryBytes]),
    finding(
      'every service has a read-only root, no capabilities, no new privileges and an init',
      limits.every((text) => /^true \[ALL\] \[no-new-privileges:true\] true$/.test(text)),
      limits
    ),
    finding('a container elsewhere reaches the internet (control)', outside !== '', outside),
    finding('a replica reaches it neither by name nor by address', byName === '' && byAddress === '', [byName, byAddress])
  ]
}
