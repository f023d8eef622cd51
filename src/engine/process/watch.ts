/**
 * Watch thread of the engine process. It kills the process once its parent has ended, because the main thread does not
 * notice the closed channel during a forward pass. And it writes the heartbeat while the main thread makes progress.
 */

import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { PROGRESS, type WatchData } from './progress.ts'

const PARENT_PERIOD_MS = 500
const { descriptor, intervalMs, progress } = workerData as WatchData
const parent = process.ppid

function end(): void {
  process.kill(process.pid, 'SIGKILL')
}

setInterval(() => {
  if (process.ppid !== parent) end()
}, PARENT_PERIOD_MS)
let lastTurns = -1

function beat(): void {
  const turns = Atomics.load(progress, PROGRESS.turns)
  const hasProgressed = turns !== lastTurns || Atomics.load(progress, PROGRESS.tasks) > 0
  lastTurns = turns
  if (!hasProgressed) return
  try {
    writeSync(descriptor, '.')
  } catch (error) {
    // The parent has ended; any other error only costs this beat.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') end()
  }
}

setInterval(beat, intervalMs)
