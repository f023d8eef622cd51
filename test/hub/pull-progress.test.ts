import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tellPullState } from '../../src/hub/pull-progress.ts'

const MIB = 1 << 20
const plan = {
  kind: 'plan',
  repository: 'org/name',
  revision: 'main',
  commit: '0'.repeat(40),
  dtype: 'q4',
  files: 3,
  totalBytes: 10 * MIB,
  presentBytes: MIB
} as const

test('tells the state of a pull when it changes, retries included', () => {
  const told: string[] = []
  const onEvent = tellPullState((words) => told.push(words))
  onEvent(plan)
  onEvent({ kind: 'received', bytes: 100 })
  onEvent({ kind: 'received', bytes: 4 * MIB })
  onEvent({ kind: 'retry', subject: 'model.onnx', reason: 'the connection was closed', pauseMs: 500 })
  onEvent({ kind: 'received', bytes: MIB })

  assert.deepEqual(told, [
    'fetching org/name: 1 of 10 MiB',
    'fetching org/name: 5 of 10 MiB',
    'model.onnx: the connection was closed; retrying in 0.5 s',
    'fetching org/name: 6 of 10 MiB'
  ])
})
