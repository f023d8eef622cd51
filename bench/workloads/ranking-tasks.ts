import { RandomNormal } from '../models/random-normal.ts'

/** A query whose right document is `documents[right]`; the others were right for other queries. */
export interface RankingTask {
  readonly query: string
  readonly documents: readonly string[]
  readonly right: number
}

const DOCUMENTS = 10

/**
 * Tasks by name. `text` is prose with a blank line between paragraphs; `glossary` has lines of WordNet's data.noun, or
 * null to leave definitions out.
 */
export function rankingTasks(text: string, glossary: string | null, count: number): Readonly<Record<string, readonly RankingTask[]>> {
  const random = new RandomNormal(16)
  const sentences = text
    .split(/\n\s*\n/)
    .flatMap((paragraph) => paragraph.replaceAll(/\s+/g, ' ').match(/[^.!?]+[.!?]+['"’”]?/g) ?? [])
    .map((sentence) => sentence.trim())
  const places = (last: number): number[] => Array.from({ length: count }, () => random.integer(sentences.length - last - 1))
  const next = (at: number, length: number): [string, string] => [sentences[at]!, sentences.slice(at + 1, at + 1 + length).join(' ')]
  const endings = places(0).flatMap((at): [string, string][] => {
    const words = sentences[at]!.split(' ')
    const cut = words.length - 1 - random.integer(5)
    return cut < 4 ? [] : [[words.slice(0, cut).join(' '), words.slice(cut).join(' ')]]
  })
  return {
    'last 1 to 5 words of a sentence': tasksOf(random, endings),
    'next sentence': tasksOf(
      random,
      places(1).map((at) => next(at, 1))
    ),
    'next 1 to 4 sentences': tasksOf(
      random,
      places(4).map((at) => next(at, 1 + random.integer(4)))
    ),
    ...(glossary === null ? {} : { 'definition of a word': tasksOf(random, definitions(random, glossary, count)) })
  }
}

function definitions(random: RandomNormal, glossary: string, count: number): [string, string][] {
  const lines = glossary.split('\n').filter((line) => /^\d{8} /.test(line))
  return Array.from({ length: count }, (): [string, string] => {
    const [entry, gloss] = lines[random.integer(lines.length)]!.split(' | ')
    const [definition] = gloss!.trim().split(/; "/)
    return [`The meaning of the word "${entry!.split(' ')[4]!.replaceAll('_', ' ')}" is:`, definition!]
  })
}

/** Each pair with nine right documents of other pairs, at a random place. */
function tasksOf(random: RandomNormal, pairs: readonly (readonly [string, string])[]): RankingTask[] {
  return pairs.map(([query, document]): RankingTask => {
    const others = new Set<string>()
    while (others.size < DOCUMENTS - 1) {
      const other = pairs[random.integer(pairs.length)]![1]
      if (other !== document) others.add(other)
    }
    const right = random.integer(DOCUMENTS)
    const documents = [...others]
    documents.splice(right, 0, document)
    return { query, documents, right }
  })
}
