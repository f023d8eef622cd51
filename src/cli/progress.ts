import { SingleBar } from 'cli-progress'

export interface Progress {
  add(count: number): void
  done(): void
}

/** How many lines between two lines of progress where there is no terminal. */
const PLAIN_EVERY = 1000

/** A bar on a terminal, a plain line now and then elsewhere. `total` is unknown when lines come from a pipe. */
export function createProgress(stream: NodeJS.WriteStream, total?: number): Progress {
  let done = 0
  if (!stream.isTTY) {
    return {
      add(count) {
        if (Math.floor((done + count) / PLAIN_EVERY) > Math.floor(done / PLAIN_EVERY)) stream.write(`scored ${done + count} lines\n`)
        done += count
      },
      done() {}
    }
  }
  const bar = new SingleBar({
    stream,
    format: total === undefined ? 'scored {value} lines, {duration_formatted}' : 'scored {bar} {value}/{total}, {eta_formatted} left',
    hideCursor: true,
    clearOnComplete: true
  })
  bar.start(total ?? 0, 0)
  return {
    add(count) {
      done += count
      if (total === undefined) bar.setTotal(done)
      bar.update(done)
    },
    done: () => bar.stop()
  }
}
