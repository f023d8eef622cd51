/**
 * Runs in a thread of the engine process and ends it when its parent is gone. The main thread cannot do this alone: it
 * does not see the closed channel while it is inside a forward pass.
 */
const PERIOD_MS = 500
const parent = process.ppid

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, PERIOD_MS)
