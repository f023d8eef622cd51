import { SingleBar } from 'cli-progress'
import type { OnPullEvent } from '../hub/pull-event.ts'
import { describePullEvent, mebibytes } from '../hub/pull-words.ts'

export interface PullProgress {
  readonly show: OnPullEvent
  done(): void
}

/** Where there is no terminal, a line each time so much more of the whole has arrived. */
const PLAIN_SHARE = 0.1

/** A bar on a terminal, lines elsewhere. The plan comes first: what, how much, how much of it is there. */
export function createPullProgress(stream: NodeJS.WriteStream): PullProgress {
  let total = 0
  let arrived = 0
  let shown = 0
  let bar: SingleBar | null = null
  const endBar = (): void => {
    bar?.stop()
    bar = null
  }
  const startBar = (): void => {
    if (!stream.isTTY || arrived >= total) return
    bar = new SingleBar({
      stream,
      format: '{bar} {percentage} % of {size}, {speed}/s, {eta_formatted} left',
      hideCursor: true,
      clearOnComplete: true,
      etaBuffer: 50
    })
    bar.start(total, arrived, { size: mebibytes(total), speed: mebibytes(0) })
  }
  const startedAt = performance.now()
  let fetched = 0

  return {
    show(event) {
      if (event.kind === 'received') {
        arrived += event.bytes
        fetched += Math.max(event.bytes, 0)
        bar?.update(Math.max(arrived, 0), { speed: mebibytes((fetched / (performance.now() - startedAt)) * 1000) })
        if (!stream.isTTY && arrived - shown > total * PLAIN_SHARE && arrived < total) {
          stream.write(`${mebibytes(arrived)} of ${mebibytes(total)} fetched\n`)
          shown = arrived
        }
        return
      }
      endBar()
      if (event.kind === 'plan') {
        total = event.totalBytes
        arrived = event.presentBytes
        shown = arrived
      }
      const line = describePullEvent(event)
      if (line !== null) stream.write(`${line}\n`)
      startBar()
    },
    done: endBar
  }
}
