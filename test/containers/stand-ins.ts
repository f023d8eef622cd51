/** Images under the tags that the Dockerfile and docker-compose.yml name: pulled, or made from Debian's packages. */
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Docker, Image } from './docker.ts'

const run = promisify(execFile)

const DEBIAN = 'logpr-stand-in/debian:bookworm'
/** The certificates of this machine, for networks that inspect TLS. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
const TRUST = [
  'COPY certificates.crt /etc/certificates.crt',
  'ENV NODE_EXTRA_CA_CERTS=/etc/certificates.crt npm_config_cafile=/etc/certificates.crt PIP_CERT=/etc/certificates.crt'
]
const install = (packages: string): string => `RUN apt-get update && apt-get install -y --no-install-recommends ${packages} && rm -rf /var/lib/apt/lists/*`

/** What each stand-in adds to Debian: what the files here use of the real image, by the same path, user and signal. */
const DOCKERFILES: Readonly<Record<Image, readonly string[]>> = {
  'node:24-bookworm-slim': [
    install('libstdc++6 libatomic1'),
    'COPY node.tgz npm.tgz /tmp/',
    'RUN cd /tmp && tar -xzf node.tgz && cp package/bin/node /usr/local/bin/node \\',
    ' && mkdir -p /usr/local/lib/node_modules/npm && tar -xzf npm.tgz -C /usr/local/lib/node_modules/npm --strip-components 1 \\',
    ' && chmod +x /usr/local/lib/node_modules/npm/bin/npm-cli.js && ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \\',
    ' && rm -rf /tmp/* && groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node',
    ...TRUST
  ],
  'nvidia/cuda:13.0.1-runtime-ubuntu22.04': [install('libstdc++6'), ...TRUST],
  'haproxy:3.2.4-alpine': [
    install('haproxy wget'),
    'USER haproxy',
    'STOPSIGNAL SIGUSR1',
    'ENTRYPOINT ["haproxy", "-W", "-db"]',
    'CMD ["-f", "/usr/local/etc/haproxy/haproxy.cfg"]'
  ],
  'prom/prometheus:v3.5.0': [
    install('prometheus wget'),
    'RUN mkdir /prometheus && chown nobody:nogroup /prometheus',
    'USER nobody',
    'VOLUME /prometheus',
    'WORKDIR /prometheus',
    'ENTRYPOINT ["prometheus"]'
  ]
}

/** Returns the images that are stand-ins, or the reason why one cannot be had. */
export async function provideImages(docker: Docker, images: readonly Image[], mayStandIn: boolean): Promise<Image[] | string> {
  const lacking: Image[] = []
  const standIns: Image[] = []
  for (const image of images) if ((await label(docker, image)) === null && !(await isPulled(docker, image))) lacking.push(image)
  if (lacking.length > 0 && !mayStandIn) return `${lacking.join(', ')} cannot be pulled; LOGPR_STAND_INS=true puts stand-ins into this daemon`
  if (lacking.length > 0) await makeStandIns(docker, lacking)
  for (const image of images) if ((await label(docker, image)) === 'true') standIns.push(image)
  return standIns
}

/** The label of a stand-in, empty for another image, null where there is none. */
function label(docker: Docker, image: string): Promise<string | null> {
  return docker.run(['image', 'inspect', '--format', '{{ index .Config.Labels "logpr.stand-in" }}', image]).then(
    (text) => text.trim(),
    () => null
  )
}

function isPulled(docker: Docker, image: string): Promise<boolean> {
  return docker.run(['pull', '--quiet', image]).then(
    () => true,
    () => false
  )
}

async function makeStandIns(docker: Docker, images: readonly Image[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-images-'))
  try {
    if ((await label(docker, DEBIAN)) === null) {
      await run('debootstrap', ['--variant=minbase', 'bookworm', join(folder, 'root')], { maxBuffer: 16 << 20 })
      await run('tar', ['-C', join(folder, 'root'), '-cf', join(folder, 'root.tar'), '.'])
      await docker.run(['import', join(folder, 'root.tar'), DEBIAN])
      for (const used of ['root', 'root.tar']) rmSync(join(folder, used), { recursive: true })
    }
    if (existsSync(CERTIFICATES)) copyFileSync(CERTIFICATES, join(folder, 'certificates.crt'))
    else writeFileSync(join(folder, 'certificates.crt'), '')
    // npm's package `node` installs the binary from one of these.
    const packages = { 'node.tgz': `node-linux-${process.arch}@24`, 'npm.tgz': 'npm@11' }
    for (const [file, name] of Object.entries(packages)) {
      const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder, name], { cwd: folder })
      await run('mv', [join(folder, stdout.trim().split('\n').at(-1) ?? ''), join(folder, file)])
    }
    for (const image of images) {
      const file = join(folder, 'Dockerfile')
      writeFileSync(file, [`FROM ${DEBIAN}`, 'LABEL logpr.stand-in=true', ...DOCKERFILES[image], ''].join('\n'))
      await docker.run(['build', '--tag', image, '--file', file, folder])
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
