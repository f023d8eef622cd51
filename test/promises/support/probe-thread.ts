/** Sends probes at a fixed rate from its own thread, so that what the measurement itself computes delays none. */

import { Agent, get } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

const { url, paths, everyMs } = workerData as { url: string; paths: readonly string[]; everyMs: number }
const agent = new Agent({ keepAlive: true })
const latenciesMs: number[] = []
let failed = 0
let open = 0
let sent = 0

function probe(): void {
  const startedAtMs = performance.now()
  open++
  const request = get(`${url}${paths[sent++ % paths.length]}`, { agent }, (response) => {
    response.resume()
    response.on('end', () => {
      open--
      latenciesMs.push(performance.now() - startedAtMs)
      if (response.statusCode !== 200) failed++
    })
  })
  request.on('error', () => {
    open--
    failed++
  })
}

const timer = setInterval(probe, everyMs)
parentPort?.on('message', (message: 'take' | 'end') => {
  if (message === 'end') {
    clearInterval(timer)
    agent.destroy()
    parentPort?.close()
    return
  }
  parentPort?.postMessage({ latenciesMs: latenciesMs.splice(0), failed, open })
  failed = 0
})
