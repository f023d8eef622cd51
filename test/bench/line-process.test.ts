import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startLineProcess } from '../../bench/support/line-process.ts'

const inNode = (script: string): Promise<Awaited<ReturnType<typeof startLineProcess>>> => startLineProcess(process.execPath, ['-e', script])

const DOUBLER = `
const { createInterface } = require('node:readline')
console.log(JSON.stringify({ ready: 'doubler 1' }))
createInterface(process.stdin).on('line', (line) => {
  const { value } = JSON.parse(line)
  if (value === 13) { console.error('no thirteen'); process.exit(3) }
  console.log(JSON.stringify({ doubled: 2 * value }))
})`

test('a line process answers each piece of work once it is ready', async () => {
  const doubler = await inNode(DOUBLER)
  assert.equal(doubler.ready, 'doubler 1')
  assert.deepEqual(await doubler.ask({ value: 2 }), { doubled: 4 })
  assert.deepEqual(await doubler.ask({ value: 21 }), { doubled: 42 })
  await doubler.close()
})

test('a line process that ends says with what it ended and what it printed', async () => {
  const doubler = await inNode(DOUBLER)
  await assert.rejects(doubler.ask({ value: 13 }), /ended with 3: no thirteen/)
  await assert.rejects(doubler.ask({ value: 1 }), /ended with 3/)
})

test('a line process that cannot be started, or ends before it is ready, is an error with the reason', async () => {
  await assert.rejects(startLineProcess('/no/such/interpreter', ['peer.py']), /could not be started/)
  await assert.rejects(inNode(`console.error('No module named x'); process.exit(1)`), /ended with 1: No module named x/)
})
