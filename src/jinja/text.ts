/** Part of a text that came from the conversation, in UTF-16 units. */
export interface Origin {
  readonly start: number
  readonly end: number
  /** What the part came from, as the caller numbers it. */
  readonly source: number
}

const NOWHERE: readonly Origin[] = []

/**
 * A Python string that remembers which of its parts came from the conversation. What the template writes has no origin.
 */
export class Text {
  readonly value: string
  /** Marked by the filter `safe`; `+` escapes what is added to such a text. */
  readonly isMarkup: boolean
  #origins: readonly Origin[] | null
  /** The texts that this one is made of, until its origins are read. */
  #parts: readonly Text[]

  constructor(value: string, origins: readonly Origin[] = NOWHERE, isMarkup = false) {
    this.value = value
    this.#origins = origins
    this.#parts = []
    this.isMarkup = isMarkup
  }

  static from(value: string, source: number): Text {
    return new Text(value, value === '' ? NOWHERE : [{ start: 0, end: value.length, source }])
  }

  /** A template that adds to a text in a loop would copy its origins each time, so they are put together when read. */
  static concat(parts: readonly Text[]): Text {
    const text = new Text(parts.length === 2 ? `${parts[0]?.value}${parts[1]?.value}` : parts.map(({ value }) => value).join(''))
    if (parts.every((part) => part.#origins?.length === 0)) return text
    text.#origins = null
    text.#parts = parts
    return text
  }

  get origins(): readonly Origin[] {
    this.#origins ??= this.#collectOrigins()
    this.#parts = []
    return this.#origins
  }

  #collectOrigins(): Origin[] {
    const origins: Origin[] = []
    let length = 0
    // The next part is the last one. Such lists of parts may be nested a hundred thousand deep.
    const remaining = [...this.#parts].reverse()
    for (let part = remaining.pop(); part !== undefined; part = remaining.pop()) {
      if (part.#origins === null) {
        for (const each of [...part.#parts].reverse()) remaining.push(each)
        continue
      }
      for (const { start, end, source } of part.#origins) {
        const last = origins.at(-1)
        if (last !== undefined && last.source === source && last.end === length + start) origins[origins.length - 1] = { ...last, end: length + end }
        else origins.push({ start: length + start, end: length + end, source })
      }
      length += part.value.length
    }
    return origins
  }

  /** Positions in UTF-16 units. */
  slice(start: number, end = this.value.length): Text {
    const origins = this.origins.flatMap((origin) => {
      const kept = { start: Math.max(origin.start, start) - start, end: Math.min(origin.end, end) - start, source: origin.source }
      return kept.start < kept.end ? [kept] : []
    })
    return new Text(this.value.slice(start, end), origins, this.isMarkup)
  }

  /** A changed form of this text. Where the two do not correspond, all of it counts as from the conversation. */
  changedTo(value: string): Text {
    if (value === this.value) return this
    const [first] = this.origins
    if (first === undefined) return new Text(value, NOWHERE, this.isMarkup)
    if (value.length === this.value.length) return new Text(value, this.origins, this.isMarkup)
    return new Text(value, value === '' ? NOWHERE : [{ start: 0, end: value.length, source: first.source }], this.isMarkup)
  }

  /** The text between occurrences of `separator`, at most `limit` of which split. */
  split(separator: string, limit = Number.POSITIVE_INFINITY): Text[] {
    const parts: Text[] = []
    let at = 0
    for (let found = this.value.indexOf(separator); found >= 0 && parts.length < limit; found = this.value.indexOf(separator, at)) {
      parts.push(this.slice(at, found))
      at = found + separator.length
    }
    return [...parts, this.slice(at)]
  }

  join(parts: readonly Text[]): Text {
    return Text.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [this, part])))
  }
}

const SURROGATE = /[\ud800-\udfff]/

/** Python's len: code points. */
export function codePointCount(text: string): number {
  return SURROGATE.test(text) ? [...text].length : text.length
}

/** The position in UTF-16 units of each code point, then the length; null if the two agree. */
export function codePointStarts(text: string): number[] | null {
  if (!SURROGATE.test(text)) return null
  const starts: number[] = []
  let at = 0
  for (const character of text) {
    starts.push(at)
    at += character.length
  }
  return [...starts, at]
}
