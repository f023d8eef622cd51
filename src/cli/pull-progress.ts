import { SingleBar } from 'cli-progress'
import type { OnPullEvent, PullEvent } from '../hub/pull-event.ts'

export interface PullProgress {
  readonly show: OnPullEvent
  done(): void
}

const MIB = 1 << 20
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
      const line = lineOf(event)
      if (line !== null) stream.write(`${line}\n`)
      startBar()
    },
    done: endBar
  }
}

function lineOf(event: Exclude<PullEvent, { kind: 'received' }>): string | null {
  if (event.kind === 'plan') {
    const { repository, revision, commit, files, totalBytes, presentBytes, dtype } = event
    const rest = presentBytes >= totalBytes ? 'all there' : `${mebibytes(totalBytes - presentBytes)} to fetch`
    return `${repository}@${revision} (commit ${commit.slice(0, 12)}), dtype ${dtype}: ${files} files, ${mebibytes(totalBytes)}, ${rest}`
  }
  if (event.kind === 'file') return event.wasPresent ? null : `${event.path}: ${mebibytes(event.sizeBytes)}, checked`
  if (event.kind === 'wait') return `${event.path}: another process fetches it; waiting`
  if (event.kind === 'cached') return `${event.reason}\nusing commit ${event.commit.slice(0, 12)} of the cache`
  return `${event.subject}: ${event.reason}; again in ${(event.pauseMs / 1000).toFixed(1)} s`
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`
}
