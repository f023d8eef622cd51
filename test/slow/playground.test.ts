import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { type Browser, chromium } from 'playwright-core'
import { EMBEDDED_MODEL, writeOtherModel } from '../support/other-model.ts'
import { present } from '../support/present.ts'
import { type RunningService, startService } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))
if (CHROMIUM === undefined && process.env.CI === 'true') throw new Error('chromium is missing: the browser tests must run in CI')
const options = CHROMIUM === undefined ? { skip: 'chromium is not installed' } : {}

async function withPage(
  use: (page: Awaited<ReturnType<Browser['newPage']>>, service: RunningService, faults: string[]) => Promise<void>,
  env: Readonly<Record<string, string>> = {}
): Promise<void> {
  const service = await startService(env)
  const browser = await chromium.launch({
    executablePath: present(CHROMIUM),
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  })
  try {
    const page = await browser.newPage()
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    await use(page, service, faults)
  } finally {
    await browser.close()
    await service.stop()
  }
}

test('the playground scores the typed text and shows verdict and tokens', options, () =>
  withPage(async (page, service, faults) => {
    await page.goto(service.url)
    await page.fill('#x', 'The children ran down to the')
    await page.fill('#y', ' river\n seventeen')
    await page.click('#score')
    await page.waitForSelector('#output:not([hidden])')
    const output = present(await page.textContent('#output'))

    assert.match(output, /river/)
    assert.match(output, /seventeen/)
    assert.match(output, /pass/)
    assert.equal(await page.isVisible('#model'), false)
    assert.deepEqual(faults, [])
  })
)

test('the playground offers several models and scores with the chosen one', options, (t) => {
  const other = tempFolder(t)
  writeOtherModel(other)
  return withPage(
    async (page, service, faults) => {
      await page.goto(service.url)
      await page.waitForSelector('#model:visible')
      assert.deepEqual(await page.locator('#model option').allTextContents(), ['first', 'org/second'])

      const joints: string[] = []
      for (const model of ['first', 'org/second']) {
        await page.selectOption('#model', model)
        assert.match(present(await page.textContent('#facts')), new RegExp(`^${model}: `))
        const answered = page.waitForResponse((response) => response.url().endsWith('/v1/logprob'))
        await page.click('#score')
        const answer = (await (await answered).json()) as { model: string; results: { log_prob: { joint: number } }[] }
        assert.equal(answer.model, model)
        joints.push(String(answer.results[0]?.log_prob.joint))
        await page
          .locator(`dd[title="${joints.at(-1)}"]`)
          .first()
          .waitFor()
      }
      assert.notEqual(joints[0], joints[1])
      assert.deepEqual(faults, [])
    },
    { LOGPR_MODEL: `first=${EMBEDDED_MODEL},org/second=${other}` }
  )
})

test('the playground shows the message of an error', options, () =>
  withPage(async (page, service) => {
    await page.goto(service.url)
    await page.fill('#x', 'hello world '.repeat(600))
    await page.fill('#y', ' river')
    await page.click('#score')
    await page
      .getByText(/context is 512 tokens/)
      .first()
      .waitFor()
  })
)

test('the API page renders under its content security policy', options, () =>
  withPage(async (page, service, faults) => {
    await page.goto(`${service.url}/docs`)
    await page.waitForSelector('.opblock')

    assert.ok((await page.locator('.opblock').count()) >= 10)
    assert.deepEqual(faults, [])
  })
)
