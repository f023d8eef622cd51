import { elementAt } from '../element-at.ts'

const ADJECTIVES = ['old', 'quiet', 'green', 'broken', 'northern', 'small', 'heavy', 'bright', 'wooden', 'empty', 'narrow', 'early']
const NOUNS = ['teacher', 'river', 'engine', 'letter', 'garden', 'doctor', 'bridge', 'report', 'winter', 'village', 'question', 'machine', 'captain', 'window']
const VERBS = ['found', 'described', 'carried', 'repaired', 'followed', 'remembered', 'counted', 'watched', 'crossed', 'painted', 'forgot', 'opened']
const PLACES = [
  'near the station',
  'behind the house',
  'in the morning',
  'after the meeting',
  'on the second floor',
  'for several weeks',
  'without a word',
  'at home'
]
const FORMS: readonly ((word: (list: readonly string[]) => string, number: number) => string)[] = [
  (w) => `The ${w(ADJECTIVES)} ${w(NOUNS)} ${w(VERBS)} the ${w(NOUNS)} ${w(PLACES)}.`,
  (w, n) => `In ${1800 + n}, a ${w(NOUNS)} ${w(VERBS)} ${n} pages about the ${w(ADJECTIVES)} ${w(NOUNS)}.`,
  (w) => `Nobody ${w(VERBS)} the ${w(NOUNS)}, because the ${w(NOUNS)} was too ${w(ADJECTIVES)} ${w(PLACES)}.`,
  (w) => `"Who ${w(VERBS)} my ${w(ADJECTIVES)} ${w(NOUNS)}?" asked the ${w(NOUNS)} ${w(PLACES)}.`,
  (w, n) => `There were ${n} of them, and each ${w(NOUNS)} ${w(VERBS)} another ${w(NOUNS)}.`
]

/**
 * Texts that no server has seen, because each seed gives others, and that repeat little, so that no log-probability is
 * near 0. Reproducible from the seed.
 */
export class TextMaker {
  #state: number

  /** `seed` from 0 to 2^32 - 1. */
  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Sentences with at least this many characters together. */
  text(characters: number): string {
    const sentences: string[] = []
    for (let length = 0; length < characters; ) {
      const form = elementAt(FORMS, this.#below(FORMS.length))
      const sentence = form((list) => elementAt(list, this.#below(list.length)), this.#below(199) + 1)
      sentences.push(sentence)
      length += sentence.length + 1
    }
    return sentences.join(' ')
  }

  /** mulberry32. */
  #below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % limit
  }
}

/** The start of a text with about this share of its words. It ends before a space, where a new token begins. */
export function startOf(text: string, share: number): string {
  const words = text.split(' ')
  return words.slice(0, Math.max(1, Math.round(words.length * share))).join(' ')
}
