/** Valid requests of all lengths and scripts, from a seed. */

export interface HonestRequest {
  readonly body: { readonly x: string; readonly y: string | readonly string[]; readonly verify?: 'deep'; readonly eos?: 'score'; readonly detail?: 'tokens' }
}

const CONTEXT_TOKENS = 512
/** Percentages of requests with deep verification, with a scored end token and with several outputs. */
const DEEP = 5
const END = 10
const SEVERAL = 20

/** Alphabets of the random text; prose is the most frequent. */
const WORDS =
  'the of and a to in he was that it his her with as had she for not at but be on they him which you is said so from all this have were my or by one there no when are me who if an would their we out up them been what do then will very could into has more little about some time than like now over such our man down before any only two see must after know made good old how day came did might come upon long where over went great here away its again'.split(
    ' '
  )
const ALPHABETS: readonly string[] = [
  'абвгдежзийклмнопрстуфхцчшщъыьэюя ',
  'αβγδεζηθικλμνξοπρστυφχψω ',
  '的一是不了人我在有他这为之大来以个中上们，。',
  'あいうえおかきくけこさしすせそアイウエオ、。',
  '가나다라마바사아자차카타파하 ',
  'ابتثجحخدذرزسشصضطظعغفقكلمنهوي ',
  'אבגדהוזחטיכלמנסעפצקרשת ',
  'กขคงจฉชซญดตถทนบปผพฟมยรลวสหอ่้',
  'अआइईउऊएऐओऔकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह्ाि ',
  '0123456789.,:;-+*/=()[]{}<>%$#@!?"\'\\\t\n ',
  'éèêëàâäîïôöùûüçñß ',
  '🙂👍🏽👨‍👩‍👧🇫🇷🎉❤️ '
]

/**
 * `count` requests of 1 to 512 tokens with the prefix token, log-uniform in length. `encode` is used to cut texts to
 * length.
 */
export function* honestRequests(count: number, seed: number, encode: (text: string) => readonly number[]): Generator<HonestRequest> {
  const random = randomNumbers(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const pick = <T>(values: readonly T[]): T => values[below(values.length)]!
  const letters = ALPHABETS.map((alphabet) => Array.from(alphabet))
  const words = (n: number): string => Array.from({ length: n }, () => pick(WORDS)).join(' ')
  const script = (n: number): string => {
    const alphabet = pick(letters)
    return Array.from({ length: n }, () => pick(alphabet)).join('')
  }

  /** The first characters, about `tokens` tokens and at least one character. */
  const cutTo = (characters: readonly string[], tokens: number): string[] => {
    const length = encode(characters.join('')).length
    return characters.slice(0, Math.max(1, length <= tokens ? characters.length : Math.floor((characters.length * tokens) / length)))
  }

  for (let i = 0; i < count; i++) {
    const tokens = Math.max(2, Math.round((CONTEXT_TOKENS - 2) ** random()))
    const characters = cutTo(Array.from(random() < 0.7 ? words(tokens) : script(tokens)), tokens)
    const text = characters.join('')
    // Mostly before a space, as real clients split; otherwise anywhere.
    const spaces = characters.flatMap((character, at) => (character === ' ' && at > 0 ? [at] : []))
    const cut = spaces.length > 0 && random() < 0.8 ? pick(spaces) : below(characters.length)
    const x = characters.slice(0, cut).join('')
    const y = characters.slice(cut).join('')
    const chance = random() * 100
    yield {
      body: {
        x,
        y: below(100) < SEVERAL && encode(text).length < CONTEXT_TOKENS / 2 ? [y, ` ${pick(WORDS)}`, ` ${words(3)}`, `, ${pick(WORDS)}`] : y,
        ...(chance < DEEP ? { verify: 'deep' as const } : {}),
        ...(below(100) < END ? { eos: 'score' as const } : {}),
        ...(below(100) < END ? { detail: 'tokens' as const } : {})
      }
    }
  }
}

/** Random numbers in [0, 1) (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
