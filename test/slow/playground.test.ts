import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Browser, chromium } from 'playwright-core'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
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

for (const base of ['/logpr', '/ml/logpr'])
  test(`below ${base}, the page scores, and the API page sends its requests there`, options, () =>
    withPage(
      async (page, service, faults) => {
        await page.goto(service.url + base)
        assert.equal(new URL(page.url()).pathname, `${base}/`)
        await page.click('#score')
        await page.waitForSelector('#output:not([hidden])')
        assert.match(present(await page.textContent('#output')), /pass/)

        await page.click('nav >> text=API')
        await page.waitForSelector('.opblock')
        assert.equal(new URL(page.url()).pathname, `${base}/docs/`)
        await page.click('#operations-Operations-version .opblock-summary-control')
        const answered = page.waitForResponse((response) => response.url().endsWith('/version'))
        await page.click('#operations-Operations-version .execute')
        const response = await answered
        assert.deepEqual([new URL(response.url()).pathname, response.status()], [`${base}/version`, 200])
        assert.deepEqual(faults, [])
      },
      { LOGPR_BASE_PATH: base }
    )
  )

/** What a page of another origin gets from `fetch` with a key in a header, which needs a preflight. */
const FROM_ELSEWHERE = `async ([url, credentials]) => {
  const options = { method: 'POST', credentials, headers: { 'content-type': 'application/json', authorization: 'Bearer some-key' } }
  try {
    const response = await fetch(url + '/v1/logprob', { ...options, body: JSON.stringify({ x: 'The cat sat on the', y: ' mat' }) })
    const { results } = await response.json()
    return [response.status, response.headers.get('x-request-id') !== null, results[0].log_prob.conditional < 0]
  } catch (error) {
    return error.name
  }
}`

test('a page of a listed origin may call the service, no other page, and none with cookies', options, async (t) => {
  const pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<title>app</title>'))
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
  t.after(() => pages.close())
  const { port } = pages.address() as AddressInfo
  const listed = `http://127.0.0.1:${port}`
  await withPage(
    async (page, service) => {
      const ask = (credentials: string): Promise<unknown> => page.evaluate(`(${FROM_ELSEWHERE})(${JSON.stringify([service.url, credentials])})`)
      await page.goto(listed)
      assert.deepEqual(await ask('omit'), [200, true, true])
      assert.equal(await ask('include'), 'TypeError')
      // The same server, but another origin for the browser.
      await page.goto(`http://localhost:${port}`)
      assert.equal(await ask('omit'), 'TypeError')
    },
    { LOGPR_CORS_ORIGIN: listed }
  )
})

test('the client runs in a browser, from a page of another origin', options, async (t) => {
  const folder = join(PACKAGE_FOLDER, 'dist', 'src', 'client')
  const pages = createServer((request, response) => {
    const file = /^\/([a-z-]+\.js)$/.exec(request.url ?? '')?.[1]
    response.setHeader('content-type', file === undefined ? 'text/html' : 'text/javascript')
    response.end(file === undefined ? '<title>app</title>' : readFileSync(join(folder, file)))
  })
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
  t.after(() => pages.close())
  const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
  await withPage(
    async (page, service) => {
      await page.goto(origin)
      const use = `async (baseUrl) => {
        const { LogprClient } = await import('/logpr-client.js')
        const client = new LogprClient({ baseUrl })
        const pairs = Array.from({ length: 20 }, (_, i) => ({ x: 'One, two,', y: ' ' + i }))
        const places = []
        for await (const { pair, object } of client.scorePairs(pairs, { batchSize: 3 })) places.push([pair, object])
        const streamed = []
        for await (const { index } of client.streamLogprob({ x: 'a', y: [' b', ' c'] })) streamed.push(index)
        const error = await client.logprob({ x: 'a', y: ' b', top_logprobs: 99 }).catch(({ code, param, requestId }) => [code, param, requestId !== null])
        return { places, streamed: streamed.sort(), error }
      }`
      assert.deepEqual(await page.evaluate(`(${use})(${JSON.stringify(service.url)})`), {
        places: Array.from({ length: 20 }, (_, i) => [i, 'logprob.result']),
        streamed: [0, 1],
        error: ['invalid_request', 'top_logprobs', true]
      })
    },
    { LOGPR_CORS_ORIGIN: '*' }
  )
})

test('the API page renders under its content security policy', options, () =>
  withPage(async (page, service, faults) => {
    await page.goto(`${service.url}/docs`)
    await page.waitForSelector('.opblock')

    assert.ok((await page.locator('.opblock').count()) >= 10)
    assert.deepEqual(faults, [])
  })
)
