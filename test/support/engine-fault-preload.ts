/**
 * Loaded into the processes of a service with `--import`, to plant faults:
 *
 * - in an engine process, those that FAULT_FILE names; SIGUSR2 makes it exit by itself, SIGWINCH exhausts its heap;
 * - in the front process, SIGWINCH sets the clock of the day forward by an hour and SIGURG back by two.
 */

import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { isMainThread } from 'node:worker_threads'
import type { ToEngine } from '../../src/engine/protocol.ts'

/** What FAULT_FILE contains, as JSON. */
export interface PlantedFault {
  /** A token id; a batch with it ends or blocks the process. */
  readonly killer: number
  /** `start`: the process ends before it loads the model, whatever it would score. */
  readonly how: 'SIGSEGV' | 'hang' | 'start'
}

const { FAULT_FILE = '' } = process.env
const HOUR_MS = 3_600_000
const isFront = isMainThread && /main\.js$/.test(process.argv[1] ?? '')
const isEngine = isMainThread && /engine[/\\]process[/\\]entry\.js$/.test(process.argv[1] ?? '')

function hasKiller(message: ToEngine, killer: number): boolean {
  return message.kind === 'score' && message.batch.sequences.some(({ ids }) => ids.includes(killer))
}

function exhaustHeap(): never {
  setFlagsFromString('--max-old-space-size=48')
  const kept: unknown[] = []
  for (;;) kept.push(Array.from({ length: 100_000 }, (_, i) => ({ i })))
}

function fault(): PlantedFault | null {
  return FAULT_FILE === '' ? null : (JSON.parse(readFileSync(FAULT_FILE, 'utf8')) as PlantedFault)
}

/** Ends or blocks the process before it scores a batch with the killer. */
function plantKiller(): void {
  const emit = process.emit.bind(process) as (...event: unknown[]) => boolean
  // A listener would take messages that arrive before the engine listens.
  process.emit = ((name: string, message: ToEngine, ...rest: unknown[]): boolean => {
    const planted = name === 'message' && message.kind === 'score' ? fault() : null
    if (planted !== null && hasKiller(message, planted.killer)) {
      if (planted.how === 'SIGSEGV') process.kill(process.pid, 'SIGSEGV')
      // The engine counts the batch as begun, and its main thread blocks as in a native call.
      else queueMicrotask(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
    }
    return emit(name, message, ...rest)
  }) as typeof process.emit
}

if (isEngine) {
  if (fault()?.how === 'start') process.exit(9)
  plantKiller()
  process.on('SIGUSR2', () => process.exit(7))
  process.on('SIGWINCH', exhaustHeap)
} else if (isFront) {
  const now = Date.now
  let shiftMs = 0
  Date.now = () => now() + shiftMs
  process.on('SIGWINCH', () => {
    shiftMs += HOUR_MS
  })
  process.on('SIGURG', () => {
    shiftMs -= 2 * HOUR_MS
  })
}
