import { fstatSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'

/** Lines that may wait for a reader, in bytes. */
const MAX_WAITING_BYTES = 1 << 20

export interface LogDestination {
  write(line: string): void
}

/**
 * Writes log lines to a descriptor and never blocks, fails or ends the service: a line that cannot be written is lost.
 * pino's own destination retries for ever at the exit when a disk is full or nobody reads a pipe.
 */
export function logDestination(descriptor: 1 | 2): LogDestination {
  const stats = fstatSync(descriptor)
  // Standard error already belongs to process.stderr, which the engine processes inherit.
  return descriptor === 1 && (stats.isFIFO() || stats.isSocket()) ? pipeDestination(descriptor) : fileDestination(descriptor)
}

/** What a pipe does not take at once waits in memory. */
function pipeDestination(descriptor: number): LogDestination {
  const socket = new Socket({ fd: descriptor, readable: false, writable: true })
  let lostLines = 0
  // The reader has gone.
  socket.on('error', () => {})
  socket.on('drain', () => {
    if (lostLines === 0) return
    const line = { level: 'warn', time: new Date().toISOString(), lostLines, msg: 'log lines were lost because nobody read them' }
    lostLines = 0
    socket.write(`${JSON.stringify(line)}\n`)
  })
  return {
    write(line) {
      if (socket.destroyed) return
      if (socket.writableLength < MAX_WAITING_BYTES) socket.write(line)
      else lostLines++
    }
  }
}

/** The system takes a line for a file at once, so that none is lost when the process ends. */
function fileDestination(descriptor: number): LogDestination {
  return {
    write(line) {
      try {
        writeSync(descriptor, line)
      } catch (error) {
        if (!LOSSES.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      }
    }
  }
}

/** A full disk, a quota, a broken disk, a terminal that has gone or currently takes nothing. */
const LOSSES: readonly string[] = ['ENOSPC', 'EDQUOT', 'EIO', 'EPIPE', 'EAGAIN', 'EFBIG', 'EROFS', 'ENXIO', 'EBADF']
