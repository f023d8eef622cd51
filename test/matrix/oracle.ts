import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What scripts/models wrote beside a model: the texts and their log-probabilities by other means. */
export interface Oracle {
  readonly name: string
  readonly architecture: string
  readonly layout: string
  /** A regular expression for the reason why the model has to be refused; null when it has to work. */
  readonly refused: string | null
  /** Token ids, prefix token first. */
  readonly texts: readonly (readonly number[])[]
  /** transformers in float64: of each text the log-probability, nats, of every token after the first. */
  readonly float64: LogProbs
  readonly files: readonly OracleFile[]
}

export interface OracleFile {
  /** As `--dtype` names it, or the builder's precision. */
  readonly dtype: string
  /** Inside the model's folder. */
  readonly file: string
  /** Operators beyond the ordinary ones; absent of models that are refused. */
  readonly operators?: readonly string[]
  /** The same file in bare onnxruntime, on the processor of whoever made it: whole logits, log-softmax in float64. */
  readonly onnxruntime?: LogProbs
}

export type LogProbs = readonly (readonly number[])[]

/** The folders of `parent` that have an oracle, by name. */
export function foldersWithOracle(parent: string): string[] {
  return readdirSync(parent)
    .filter((name) => existsSync(join(parent, name, 'oracle.json')))
    .sort()
    .map((name) => join(parent, name))
}

export function readOracle(folder: string): Oracle {
  return JSON.parse(readFileSync(join(folder, 'oracle.json'), 'utf8')) as Oracle
}
