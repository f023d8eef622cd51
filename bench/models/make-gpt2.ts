/**
 * `node dist/bench/models/make-gpt2.js FOLDER [layers hidden heads vocab positions [deviation]]`: writes a random
 * GPT-2, by default 124M.
 */
import { GPT2_124M } from './gpt2-graph.ts'
import { writeGpt2 } from './write-gpt2.ts'

const [folder, ...sizes] = process.argv.slice(2)
if (folder === undefined || ![0, 5, 6].includes(sizes.length) || sizes.some((size) => !(Number(size) > 0))) {
  process.stderr.write('usage: make-gpt2.js FOLDER [layers hidden heads vocab positions [deviation]]\n')
  process.exit(2)
}
const [layers, hidden, heads, vocab, positions, deviation] = sizes.length === 0 ? Object.values(GPT2_124M) : sizes.map(Number)
writeGpt2(folder, { layers: layers!, hidden: hidden!, heads: heads!, vocab: vocab!, positions: positions! }, 0, deviation)
