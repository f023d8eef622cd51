import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The file that scripts/models writes beside a model: texts and independently computed log-probabilities. */
export interface Oracle {
  readonly name: string
  readonly architecture: string
  readonly layout: string
  /** A regular expression for the reason of the required rejection; null for a model that must work. */
  readonly refused: string | null
  /** Token ids, prefix token first. */
  readonly texts: readonly (readonly number[])[]
  /** transformers in float64: per text, the log-probability of every token after the first, nats. */
  readonly float64: LogProbs
  readonly files: readonly OracleFile[]
}

export interface OracleFile {
  /** The value of `--dtype`, or the builder's precision. */
  readonly dtype: string
  /** Path inside the model folder. */
  readonly file: string
  /** Operators beyond the standard float ones; absent for models that must be rejected. */
  readonly operators?: readonly string[]
  /** The same file in bare onnxruntime, on the processor that made it: full logits, log-softmax in float64. */
  readonly onnxruntime?: LogProbs
}

export type LogProbs = readonly (readonly number[])[]

/** The folders in `parent` that have an oracle, sorted by name. */
export function foldersWithOracle(parent: string): string[] {
  return readdirSync(parent)
    .filter((name) => existsSync(join(parent, name, 'oracle.json')))
    .sort()
    .map((name) => join(parent, name))
}

export function readOracle(folder: string): Oracle {
  return JSON.parse(readFileSync(join(folder, 'oracle.json'), 'utf8')) as Oracle
}
