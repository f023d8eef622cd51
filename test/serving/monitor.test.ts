// Own process: it mocks the timers of the whole process.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, mock, type TestContext } from 'node:test'
import { watchModelFiles } from '../../src/serving/monitor.ts'
import { FILE_CHANGES, touch } from '../support/file-changes.ts'
import { tempFolder } from '../support/temp-folder.ts'

interface WatchedFiles {
  readonly paths: readonly string[]
  readonly changed: string[]
  stop(): void
}

/** Checks two files once per second. */
function watchTwoFiles(t: TestContext): WatchedFiles {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const folder = tempFolder(t, { 'model.onnx': 'graph and weights', 'model.onnx_data': 'more weights' })
  const paths = [join(folder, 'model.onnx'), join(folder, 'model.onnx_data')]
  const changed: string[] = []
  const { stop } = watchModelFiles(paths, 1000, (path) => changed.push(path))
  return { paths, changed, stop }
}

describe('watchModelFiles', () => {
  it('reports nothing while the files stay the same', (t) => {
    const { changed } = watchTwoFiles(t)
    mock.timers.tick(10_000)
    assert.deepEqual(changed, [])
  })

  for (const [what, change] of FILE_CHANGES) {
    it(`reports once, at the next check, a file that was ${what}`, (t) => {
      const { changed, paths } = watchTwoFiles(t)
      change(paths[1]!)
      mock.timers.tick(999)
      assert.deepEqual(changed, [])
      mock.timers.tick(1)
      assert.deepEqual(changed, [paths[1]])
      mock.timers.tick(5000)
      assert.deepEqual(changed, [paths[1]])
    })
  }

  it('reports every later change too', (t) => {
    const { changed, paths } = watchTwoFiles(t)
    for (const [, change] of FILE_CHANGES) {
      change(paths[0]!)
      mock.timers.tick(1000)
    }
    assert.equal(changed.length, FILE_CHANGES.length)
  })

  it('does not check after it is stopped', (t) => {
    const { changed, paths, stop } = watchTwoFiles(t)
    stop()
    touch(paths[0]!)
    mock.timers.tick(5000)
    assert.deepEqual(changed, [])
  })
})
