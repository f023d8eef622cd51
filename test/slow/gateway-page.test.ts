/** The commands of docs/guides/deploy.md that start two replicas and a gateway on one machine. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { freePorts } from '../support/free-port.ts'
import { GATEWAYS, isInstalled } from '../support/gateways.ts'
import { codeBlocks, readPage } from '../support/page-blocks.ts'
import { present } from '../support/present.ts'
import { MAIN, pause } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const BLOCKS = codeBlocks(readPage('docs/guides/deploy.md'), 'sh')
const REPLICAS = present(BLOCKS.find((block) => block.startsWith('npx logpr serve --host 127.0.0.2')))

/** Runs commands, in the background too, until the test ends. */
function startCommands(t: TestContext, commands: string, cwd: string): void {
  // A process group of its own, whose members end together.
  const child = spawn('bash', ['-c', `${commands}\nwait`], { cwd, detached: true, stdio: 'ignore' })
  t.after(async () => {
    process.kill(-present(child.pid), 'SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
}

async function statusOf(url: string): Promise<number> {
  return fetch(url).then(
    ({ status }) => status,
    () => 0
  )
}

async function untilOk(url: string): Promise<void> {
  for (const until = Date.now() + 60_000; Date.now() < until; await pause(200)) if ((await statusOf(url)) === 200) return
  throw new Error(`no 200 from ${url} within 60 s`)
}

describe('docs/guides/deploy.md', { skip: process.platform === 'linux' ? false : 'other systems have one loopback address' }, () => {
  for (const name of GATEWAYS) {
    const command = process.env[`LOGPR_${name.toUpperCase()}`] ?? name
    test(`its commands for ${name} balance between two replicas`, isInstalled(name) ? {} : { skip: `${name} is not installed` }, async (t) => {
      const [port = 0, management = 0, metrics = 0] = await freePorts(3)
      // Other addresses and ports than those of the page, which may be taken.
      const adapted = (commands: string): string =>
        commands.replaceAll('127.0.0.', '127.11.7.').replaceAll('8080', String(port)).replaceAll('8081', String(management)).replaceAll('8405', String(metrics))
      const folder = tempFolder(t)
      cpSync(join(PACKAGE_FOLDER, 'deploy'), join(folder, 'deploy'), { recursive: true })
      const block = present(BLOCKS.find((each) => new RegExp(`^(?:.* )?${name} -`, 'm').test(each)))
      // Envoy and nginx name the ports of the replicas in their files.
      const ports = `sed -i 's/8080/${port}/g; s/8081/${management}/g' deploy/envoy.yaml deploy/nginx.conf`

      startCommands(t, adapted(REPLICAS).replaceAll('npx logpr', `"${process.execPath}" "${MAIN}"`), folder)
      for (const host of [2, 3]) await untilOk(`http://127.11.7.${host}:${management}/readyz`)
      startCommands(t, `${ports}\n${adapted(block).replace(new RegExp(`${name} -`), `${command} -`)}`, folder)

      await untilOk(`http://127.11.7.1:${port}/v1/models`)
      assert.equal(await statusOf(`http://127.11.7.1:${port}/metrics`), 404)
      assert.equal(await statusOf(`http://127.11.7.2:${management}/metrics`), 200)
    })
  }
})
