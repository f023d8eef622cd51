import { accessSync, constants, createReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { globSync, hasMagic } from 'glob'
import { ServiceError } from '../errors.ts'

/** A line as it is in its file. */
export interface InputLine {
  /** As typed; null for standard input and for flags. */
  readonly file: string | null
  /** From 1, as editors count; null for flags. */
  readonly number: number | null
  readonly bytes: Buffer
}

export interface LineSource {
  /** Null when it is not known, as for a pipe. */
  readonly totalBytes: number | null
  /** Ends early when `signal` aborts. Throws `configuration_invalid` for a file that cannot be read. */
  lines(signal: AbortSignal): AsyncIterable<InputLine>
}

/** The one request that flags describe, as a line. */
export function sourceOfOne(request: object): LineSource {
  return {
    totalBytes: null,
    async *lines() {
      yield { file: null, number: null, bytes: Buffer.from(JSON.stringify(request)) }
    }
  }
}

const STDIN = '-'
const WAITING = 'logpr: reading JSON Lines from this terminal: one {"x": "...", "y": "..."} per line, then Ctrl-D. For other ways see logpr score --help.\n'

/** Files to read, `-` for standard input. */
export interface Operands {
  readonly files: readonly string[]
  /** Null when it is not known, as for a pipe. */
  readonly totalBytes: number | null
}

/**
 * The lines of files, patterns and standard input (`-`, or no operand), in the order typed. Throws
 * `configuration_invalid` with everything that does not exist or cannot be read, before anything is scored.
 */
export function operandsOf(operands: readonly string[], stdin: NodeJS.ReadStream, waiting: string): Operands {
  const faults: string[] = []
  const files = operands.length === 0 ? [STDIN] : operands.flatMap((operand) => filesOf(operand, faults))
  if (files.filter((file) => file === STDIN).length > 1) faults.push('standard input (-) can be read only once')
  if (faults.length > 0) throw new ServiceError('configuration_invalid', faults.join('; '))
  if (files.includes(STDIN) && stdin.isTTY) process.stderr.write(waiting)
  const sizes = files.map((file) => (file === STDIN ? null : statSync(file))).map((stat) => (stat?.isFile() ? stat.size : null))
  return { files, totalBytes: sizes.reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0 as number | null) }
}

/** The lines of all operands, in the order typed. Throws what `operandsOf` throws. */
export function sourceOfOperands(operands: readonly string[], stdin: NodeJS.ReadStream, waiting = WAITING): LineSource {
  const { files, totalBytes } = operandsOf(operands, stdin, waiting)
  return {
    totalBytes,
    async *lines(signal) {
      for (const file of files) if (!signal.aborted) yield* linesOf(openedOperand(file, stdin), nameOf(file), signal)
    }
  }
}

export function openedOperand(file: string, stdin: NodeJS.ReadStream): Readable {
  return file === STDIN ? stdin : createReadStream(file)
}

/** Null for standard input. */
export function nameOf(file: string): string | null {
  return file === STDIN ? null : file
}

/** Lines scored together: enough to fill batches, and few enough that results appear steadily. */
const LINES_AT_ONCE = 64
/** Longest time that lines which have arrived wait for more. */
const LINGER_MS = 20

/** Groups of lines: as many as arrive within a short time, so that a person and a slow pipe get answers at once. */
export async function* lineBatches(lines: AsyncIterable<InputLine>): AsyncGenerator<InputLine[]> {
  const iterator = lines[Symbol.asyncIterator]()
  let next = iterator.next()
  for (let first = await next; !first.done; first = await next) {
    const batch = [first.value]
    const late = pause(LINGER_MS, null, { ref: false })
    next = iterator.next()
    while (batch.length < LINES_AT_ONCE) {
      const line = await Promise.race([next, late])
      if (line === null || line.done) break
      batch.push(line.value)
      next = iterator.next()
    }
    yield batch
  }
}

export function isBlankLine({ bytes }: InputLine): boolean {
  return bytes.length === 0 || bytes.toString('latin1').trim() === ''
}

export function unreadable(file: string | null, error: unknown, after: string): ServiceError {
  return new ServiceError('configuration_invalid', `${file ?? 'standard input'} cannot be read (${(error as NodeJS.ErrnoException).code})${after}`, {
    cause: error
  })
}

function filesOf(operand: string, faults: string[]): readonly string[] {
  if (operand === STDIN) return [STDIN]
  const stat = statSync(operand, { throwIfNoEntry: false })
  if (stat === undefined && hasMagic(operand)) {
    const found = globSync(operand, { nodir: true }).sort()
    if (found.length === 0) faults.push(`no file matches ${JSON.stringify(operand)}`)
    return found.flatMap((file) => filesOf(file, faults))
  }
  if (stat === undefined) faults.push(`there is no file ${JSON.stringify(operand)} (a text to score follows --x or --y, in quotes)`)
  else if (stat.isDirectory()) faults.push(`${JSON.stringify(operand)} is a folder; name its files: "${operand.replace(/\/+$/, '')}/*.jsonl"`)
  else if (!isReadable(operand)) faults.push(`${JSON.stringify(operand)} cannot be read by this user`)
  return [operand]
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return false
    throw error
  }
}

const LINE_FEED = 0x0a
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Splits at line feeds alone: node:readline also splits at U+2028, which a JSON string may contain, and replaces
 * invalid UTF-8 without a word.
 */
async function* linesOf(stream: Readable, file: string | null, signal: AbortSignal): AsyncGenerator<InputLine> {
  let parts: Buffer[] = []
  let number = 0
  const line = (): InputLine => {
    const bytes = Buffer.concat(parts)
    parts = []
    number++
    const hasMark = number === 1 && bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
    return { file, number, bytes: hasMark ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes }
  }
  const stop = (): unknown => stream.destroy()
  signal.addEventListener('abort', stop)
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let start = 0
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        parts.push(chunk.subarray(start, end))
        yield line()
        start = end + 1
      }
      if (start < chunk.length) parts.push(chunk.subarray(start))
    }
  } catch (error) {
    if (signal.aborted) return
    throw unreadable(file, error, ` after line ${number}`)
  } finally {
    signal.removeEventListener('abort', stop)
  }
  if (parts.length > 0) yield line()
}
