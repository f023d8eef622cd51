import { mebibytes } from '../process/mebibytes.ts'
import type { InputLine } from './score-input.ts'

/** Shortest time between two states on a terminal, and between two lines elsewhere. */
const TERMINAL_MS = 100
const ELSEWHERE_MS = 10_000
const ERASE_LINE = '\r\x1b[2K'

/**
 * Tells on standard error how far the scoring is: in one line that is rewritten on a terminal, in a new line every 10 s
 * elsewhere. Changes no setting of the terminal, so that nothing is left to restore after an interruption.
 */
export class ScoreProgress {
  readonly #stream: NodeJS.WriteStream
  readonly #totalBytes: number | null
  readonly #isQuiet: boolean
  readonly #noun: 'line' | 'file'
  #startedAt = performance.now()
  #shownAt = performance.now()
  #isShown = false
  #doneBytes = 0
  #lines = 0
  #results = 0
  #errors = 0
  #firstError: string | null = null
  #last: InputLine | null = null

  /** `isQuiet` for a single pair and for lines that a person types. */
  constructor(stream: NodeJS.WriteStream, totalBytes: number | null, isQuiet: boolean, noun: 'line' | 'file' = 'line') {
    this.#stream = stream
    this.#totalBytes = totalBytes
    this.#isQuiet = isQuiet
    this.#noun = noun
  }

  get hasErrors(): boolean {
    return this.#errors > 0
  }

  loading(): void {
    if (this.#stream.isTTY && !this.#isQuiet) this.#rewrite('loading the model')
  }

  /** The time left is judged by the time since this call. */
  begin(): void {
    this.#startedAt = performance.now()
  }

  /** A blank line has no outcomes. */
  add(line: InputLine, codes: readonly (string | null)[]): void {
    this.#last = line
    this.#doneBytes += line.bytes.length + 1
    if (codes.length === 0) return
    this.#lines++
    this.#results += codes.filter((code) => code === null).length
    for (const code of codes) {
      if (code === null) continue
      this.#errors++
      this.#firstError ??= `${code} at ${placeOf(line)}`
    }
  }

  /** Bytes of a file were read whose result comes later. */
  read(sizeBytes: number): void {
    this.#doneBytes += sizeBytes
    this.show()
  }

  show(): void {
    const now = performance.now()
    if (this.#isQuiet || now - this.#shownAt < (this.#stream.isTTY ? TERMINAL_MS : ELSEWHERE_MS)) return
    this.#shownAt = now
    if (this.#stream.isTTY) this.#rewrite(this.#state(now))
    else this.#stream.write(`${this.#state(now)}\n`)
  }

  /** Makes room for results on the same terminal. */
  clear(): void {
    if (this.#isShown) this.#stream.write(ERASE_LINE)
    this.#isShown = false
  }

  /** The last line: what was done, and where it ended. */
  summarize(isInterrupted: boolean): void {
    this.clear()
    if (this.#isQuiet && !isInterrupted) return
    const end = isInterrupted ? `interrupted ${this.#last === null ? `before the first ${this.#noun}` : `after ${placeOf(this.#last)}`}, ` : ''
    const errors = this.#errors === 0 ? 'no errors' : `${counted(this.#errors, 'error')}, the first ${this.#firstError}`
    this.#stream.write(
      `${end}${counted(this.#lines, this.#noun)} done in ${duration(performance.now() - this.#startedAt)}: ${counted(this.#results, 'result')}, ${errors}\n`
    )
  }

  #state(now: number): string {
    const lines = `${counted(this.#lines, this.#noun)} done${this.#errors === 0 ? '' : `, ${counted(this.#errors, 'error')}`}`
    if (this.#totalBytes === null) return `${lines}, ${duration(now - this.#startedAt)}`
    const share = Math.min(this.#doneBytes / Math.max(this.#totalBytes, 1), 1)
    const left = share === 0 ? '' : `, ${duration(((now - this.#startedAt) / share) * (1 - share))} left`
    return `${Math.floor(share * 100)} % of ${sizeText(this.#totalBytes)}, ${lines}${left}`
  }

  #rewrite(text: string): void {
    this.#stream.write(ERASE_LINE + text.slice(0, (this.#stream.columns || 80) - 1))
    this.#isShown = true
  }
}

/** `a.jsonl line 3`. */
function placeOf({ file, number }: InputLine): string {
  if (number === null && file !== null) return file
  return `${file === null ? '' : `${file} `}line ${number ?? 1}`
}

const MIB = 1 << 20

function sizeText(bytes: number): string {
  return bytes < MIB ? `${Math.ceil(bytes / 1024)} KiB` : mebibytes(bytes)
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`. */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return ms < 9500 ? `${(ms / 1000).toFixed(1)} s` : `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
