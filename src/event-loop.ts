/**
 * Keeps one process answering while it computes: work is done in slices of a few milliseconds, and between two slices
 * the event loop serves sockets and probes.
 */

/** Milliseconds of one slice. Probes are answered between two slices, so this bounds what they wait for. */
const SLICE_MS = 5

/** When the current callback of the event loop first asked, in milliseconds; null before it does. */
let sliceStartMs: number | null = null

/** Whether the current callback of the event loop has computed for a whole slice, so that its work should pause. */
export function isSliceOver(): boolean {
  const nowMs = performance.now()
  if (sliceStartMs === null) {
    sliceStartMs = nowMs
    // Runs after all promise callbacks of the current callback of the event loop.
    process.nextTick(() => {
      sliceStartMs = null
    })
    return false
  }
  return nowMs - sliceStartMs >= SLICE_MS
}

/** Work that waits for a slice, in turn. */
const paused: (() => void)[] = []

/**
 * Resolves in a later turn of the event loop. All paused work takes turns: each turn of the loop runs one slice, so
 * that many requests together keep it no longer than one of them.
 */
export function nextSlice(): Promise<void> {
  return new Promise((resolve) => {
    paused.push(resolve)
    if (paused.length === 1) setImmediate(runSlice, Number.NaN)
  })
}

/** `startMs` is NaN for the first work of a turn. */
function runSlice(startMs: number): void {
  const sliceStart = Number.isNaN(startMs) ? performance.now() : startMs
  paused[0]?.()
  // A tick that a promise callback schedules runs after all other promise callbacks: when the work has paused or ended.
  queueMicrotask(() =>
    process.nextTick(() => {
      paused.shift()
      if (paused.length === 0) return
      if (performance.now() - sliceStart < SLICE_MS) runSlice(sliceStart)
      else setImmediate(runSlice, Number.NaN)
    })
  )
}

/** Pauses when the slice is over. In a loop over many small steps, test `isSliceOver` first: it costs no promise. */
export async function pauseIfLong(): Promise<void> {
  if (isSliceOver()) await nextSlice()
}

/** `items.map(make)` in slices. */
export async function mapInSlices<T, R>(items: readonly T[], make: (item: T, index: number) => R): Promise<R[]> {
  const made: R[] = []
  for (const [i, item] of items.entries()) {
    if (isSliceOver()) await nextSlice()
    made.push(make(item, i))
  }
  return made
}
