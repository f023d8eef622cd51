/**
 * Thread of the engine process that kills it once its parent has ended. The main thread alone cannot: it does not
 * notice the closed channel during a forward pass.
 */
const PERIOD_MS = 500
const parent = process.ppid

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, PERIOD_MS)
