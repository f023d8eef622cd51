import { loadConfig } from '../src/config/load-config.ts'
import { ServiceError } from '../src/errors.ts'
import { bucketOf, CorpusTotals, DEFAULT_QUANTILES } from '../src/perplexity/corpus.ts'
import { DEFAULT_THRESHOLDS, HEURISTICS, heuristicsOf } from '../src/perplexity/heuristics.ts'
import { cutoffsOf, perplexityOptionsOf, type RequestedTexts, textsOf } from '../src/perplexity/request.ts'
import type { TextPerplexity } from '../src/perplexity/text-scores.ts'
import { startBackend } from '../src/serving/backend.ts'
import { askedExample } from './asked-example.ts'

const TEXT: RequestedTexts = { text: 'The children ran down to the river. It was a cold day, and the boat was gone.' }
const CURVE: RequestedTexts = {
  text: 'The children ran down to the river. The river was cold. The children ran down to the river again, and the river was cold.',
  max_length: 16,
  stride: 8,
  detail: 'curve'
}
const BUCKETS: RequestedTexts = {
  texts: ['The cat sat on the mat.', 'Mat the on sat cat the.', 'He went home, and that was all.'],
  prefix_token: 'single',
  cutoffs: [100, 1000]
}
const PROMPT = 'Where did the children run? Say it ]]!! zx qq vlorp --> tk;; in the way of a king (( pfr xx and then stop ~~ now'
/** The texts of web.jsonl. */
const LINES: readonly string[] = BUCKETS.texts ?? []
/** Digits that agree on every machine in float32. */
const DECIMALS = 2
const DIGITS = 4

/** The generated blocks of docs/guides/perplexity.md by name, computed with the embedded model. */
export async function perplexityBlocks(): Promise<Readonly<Record<string, string>>> {
  const silent = (): void => {}
  const backend = startBackend(loadConfig([], {}).config, { info: silent, warn: silent, error: silent })
  try {
    const { perplexityEvaluator } = await backend.ready
    const terms = { signal: AbortSignal.timeout(60_000) }
    const scored = async (body: RequestedTexts): Promise<TextPerplexity[]> => {
      const { results } = await perplexityEvaluator.evaluate(textsOf(body), perplexityOptionsOf(body, perplexityEvaluator.maxModelLen), terms)
      return results.map((result) => {
        if (result instanceof ServiceError) throw new Error(`an example of docs/guides/perplexity.md failed: ${result.message}`)
        return result
      })
    }
    const [text] = await scored(TEXT)
    const [curve] = await scored(CURVE)
    const texts = await scored(BUCKETS)
    const cutoffs = cutoffsOf(BUCKETS.cutoffs) ?? [0, 0]
    const totals = new CorpusTotals()
    for (const each of texts) totals.add(each)
    const corpus = totals.corpus(DEFAULT_QUANTILES)
    const lines = await scored({ texts: LINES })
    const found = await heuristicsOf(PROMPT, DEFAULT_THRESHOLDS, HEURISTICS, perplexityEvaluator, terms)
    return {
      text: asked(TEXT, [
        fields({ log_prob: text?.log_prob, counts: text?.counts, perplexity: text?.perplexity, bits_per_byte: text?.bits_per_byte, windows: text?.windows })
      ]),
      curve: asked(CURVE, (curve?.curve?.context ?? []).map(line)),
      buckets: asked(BUCKETS, [
        ...texts.map(({ log_prob, perplexity: { per_token } }) => line({ log_prob, perplexity: { per_token }, bucket: bucketOf(per_token, cutoffs) })),
        line({ corpus: { texts: corpus?.texts, perplexity: { per_token: corpus?.perplexity.per_token }, quantiles: corpus?.quantiles } })
      ]),
      numbers: `\`\`\`text\n${lines.map(({ perplexity }) => perplexity.per_token?.toFixed(1)).join('\n')}\n\`\`\``,
      heuristics: askedExample(
        '/heuristics',
        { prompt: PROMPT },
        fields({
          jailbreak: found.lengthPerPerplexity || found.prefixSuffixPerplexity,
          length_per_perplexity: found.lengthPerPerplexity,
          prefix_suffix_perplexity: found.prefixSuffixPerplexity,
          scores: found.scores
        })
      )
    }
  } finally {
    await backend.close()
  }
}

function asked(body: object, lines: readonly string[]): string {
  return askedExample('/v1/perplexity', body, lines.join('\n'))
}

/** One field per line. */
function fields(value: object): string {
  return `{\n${Object.entries(value)
    .map(([name, each]) => `  ${JSON.stringify(name)}: ${line(each)}`)
    .join(',\n')}\n}`
}

function line(value: unknown): string {
  const text = JSON.stringify(value, (_, each: unknown) => (isFraction(each) ? shortened(each) : each), 1)
  return text.replaceAll(/\n */g, ' ')
}

function isFraction(value: unknown): value is number {
  return typeof value === 'number' && !Number.isInteger(value)
}

function shortened(value: number): number {
  return Math.abs(value) < 10 ** DECIMALS ? Number(value.toFixed(DECIMALS)) : Number(value.toPrecision(DIGITS))
}
