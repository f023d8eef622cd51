import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { writeOnnx } from '../../src/model/onnx/write.ts'
import { hasCudaProvider } from '../../src/provider/provider-info.ts'
import { tinyModel } from '../support/onnx-model.ts'
import { present } from '../support/present.ts'
import { quantizedHeadModel } from '../support/quantized-head.ts'
import { logpr } from '../support/run-logpr.ts'
import { startListening } from '../support/running-service.ts'
import { tempFolder } from '../support/temp-folder.ts'

describe('logpr check', () => {
  test('finds joint -3.5 and marginal -5.2 impossible, with the implied probability', async () => {
    const { code, stdout } = await logpr(['check', '--joint', '-3.5', '--marginal', '-5.2'])
    const answer = JSON.parse(stdout) as { consistent: boolean; violations: { rule: string }[]; implied: { probability: number } }

    assert.deepEqual([code, answer.consistent, answer.violations[0]?.rule], [1, false, 'joint_le_marginal'])
    assert.equal(answer.implied.probability.toFixed(2), '5.47')
  })

  test('finds numbers that obey the chain rule consistent', async () => {
    const { code } = await logpr(['check', '--joint', '-13.29', '--marginal=-9.87', '--conditional', '-3.42'])
    assert.equal(code, 0)
  })

  for (const argv of [
    ['check'],
    ['check', '--joint', '-3.5'],
    ['check', '--joint', 'many', '--marginal', '-1'],
    ['check', '--joint', '-1', '--marginal', '-1', '--other', '2'],
    ['check', '--joint', '-1', '--marginal', '-1', '--x-tokens', '-2'],
    ['check', '--joint', '-1', '--marginal', '-1', '--y-tokens', 'two']
  ]) {
    test(`refuses ${argv.join(' ')} with exit code 2`, async () => {
      const { code, stdout, stderr } = await logpr(argv)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, /^logpr: /)
    })
  }
})

describe('logpr score', () => {
  test('gives JSON Lines for JSON Lines, in order, with errors in their places', async () => {
    const input = '{"id":"a","x":"The children ran down to the","y":[" river"," sea"]}\n\n{"x":"a"}\nno json\n{"x":[5,6],"y":[7]}\n'
    const { code, stdout } = await logpr(['score'], { input })
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { index: number; line: number; id: string | null; error?: { code: string }; log_prob?: { joint: number } })

    assert.equal(code, 1)
    assert.deepEqual(
      results.map(({ index, line, error }) => [index, line, error?.code]),
      [
        [0, 1, undefined],
        [1, 1, undefined],
        [2, 3, 'invalid_request'],
        [3, 4, 'invalid_json'],
        [4, 5, undefined]
      ]
    )
    assert.ok(results.filter(({ log_prob: terms }) => terms !== undefined).every(({ log_prob: terms }) => present(terms?.joint) < 0))
  })
})

for (const command of [['score', '--x', 'a', '--y', ' b'], ['inspect']]) {
  test(`logpr ${command[0]} takes one model and says so of several`, async () => {
    const { code, stdout, stderr } = await logpr([...command, '--model', 'a=/models/a,b=/models/b'])
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /--model \(LOGPR_MODEL\): it names 2 models, but this command takes one/)
  })
}

test('logpr inspect tells the head, and as JSON that no weights are copied', async () => {
  const [plain, json] = await Promise.all([logpr(['inspect']), logpr(['inspect', '--json'])])

  assert.match(plain.stdout, /^head +MatMul$/m)
  assert.doesNotMatch(plain.stdout, /approximate/)
  assert.equal((JSON.parse(json.stdout) as { scoring_graph: { weights_copied: number } }).scoring_graph.weights_copied, 0)
})

test('logpr inspect says of a model with dynamic quantization that its scores are approximate', async (t) => {
  const head = { H: 1, V: 2, embedding: Float32Array.of(1), weights: Int8Array.of(1, 2), scales: [1], zeroPoints: [0], bias: null }
  const folder = tempFolder(t, {
    'config.json': '{"vocab_size": 2, "max_position_embeddings": 8}',
    'tokenizer.json': '{}',
    'tokenizer_config.json': '{}',
    'model_quantized.onnx': writeOnnx(quantizedHeadModel(head, 'MatMulInteger'))
  })
  const [plain, json] = await Promise.all([logpr(['inspect', folder]), logpr(['inspect', folder, '--json'])])

  assert.match(plain.stdout, /^head +MatMulInteger -> Cast -> Mul$/m)
  assert.match(plain.stdout, /^activations +quantized over whole tensors: 1 operators; scores are approximate and run alone$/m)
  assert.equal((JSON.parse(json.stdout) as { graph: { whole_tensor_quantizers: number } }).graph.whole_tensor_quantizers, 1)
})

test('logpr inspect says what a folder has, what was chosen and what the graph is', async (t) => {
  const graph = writeOnnx(tinyModel(8, 4).graph)
  const folder = tempFolder(t, {
    'config.json': '{"vocab_size": 7, "max_position_embeddings": 64}',
    'tokenizer.json': '{}',
    'tokenizer_config.json': '{}',
    'model_q4.onnx': graph,
    'onnx/model_fp16.onnx': graph
  })
  const { stdout } = await logpr(['inspect', folder, '--max-model-len', '16'])

  assert.match(stdout, /^chosen by +auto: first in order of exactness among fp16 \(onnx\/model_fp16\.onnx\), q4 \(model_q4\.onnx\)$/m)
  assert.match(stdout, /^layout +ids only$/m)
  assert.match(stdout, /^numerics +weights float32, activations float32, logits float32$/m)
  assert.match(stdout, /^context +16 tokens \(--max-model-len\)$/m)
  assert.match(stdout, /^vocabulary +8, where the configuration says 7$/m)
})

test('logpr inspect refuses a dtype that is not there, naming those that are', async (t) => {
  const folder = tempFolder(t, { 'config.json': '{}', 'tokenizer.json': '{}', 'tokenizer_config.json': '{}', 'model.onnx': '' })
  const { code, stderr } = await logpr(['inspect', folder, '--dtype', 'q4'])

  assert.equal(code, 2)
  assert.match(stderr, /no file for dtype q4; there are fp32 \(model\.onnx\)/)
})

const WITHOUT_CUDA = { skip: hasCudaProvider() ? 'the CUDA provider is installed here' : false }

test('logpr inspect --provider tells what CUDA lacks here, also as JSON, with exit code 1', WITHOUT_CUDA, async () => {
  const [plain, json] = await Promise.all([logpr(['inspect', '--provider']), logpr(['inspect', '--provider', '--json'])])

  assert.deepEqual([plain.code, json.code], [1, 1])
  assert.match(plain.stdout, /^libonnxruntime_providers_cuda\.so +MISSING +-> install it: bash scripts\/install-cuda-provider\.sh$/m)
  const { is_usable: isUsable, items } = JSON.parse(json.stdout) as { is_usable: boolean; items: { what: string; status: string }[] }
  assert.equal(isUsable, false)
  assert.ok(items.some(({ what, status }) => what === 'libonnxruntime_providers_cuda.so' && status === 'missing'))
})

test('serve and score refuse CUDA at once where it is not installed, with what is missing and the command for it', WITHOUT_CUDA, async () => {
  for (const argv of [['serve'], ['score', '--x', 'a', '--y', 'b']]) {
    const { code, stdout, stderr } = await logpr([...argv, '--execution-provider', 'cuda'])
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /^logpr: CUDA cannot be used\. Missing: .*libonnxruntime_providers_cuda\.so \(install it: bash scripts\/install-cuda-provider\.sh\)/)
  }
})

test('logpr inspect predicts the memory at the configured token budget and at others', async () => {
  const [plain, json] = await Promise.all([logpr(['inspect', '--max-batch-tokens', '1024']), logpr(['inspect', '--max-batch-tokens', '1024', '--json'])])
  const { memory } = JSON.parse(json.stdout) as { memory: { budgets: { max_batch_tokens: number; total_bytes: number }[]; unknown_operators: string[] } }

  assert.match(plain.stdout, /^memory +\d+ MiB: processes .* \+ weights .* for a pass of 1,024 tokens; and .* mapped from files/m)
  assert.deepEqual(
    memory.budgets.map(({ max_batch_tokens }) => max_batch_tokens),
    [1024, 512, 2048, 8192]
  )
  assert.deepEqual(memory.unknown_operators, [])
})

test('every fault of the configuration is named at once', async () => {
  const { code, stderr } = await logpr(['serve'], { env: { LOGPR_PORT: '70000', LOGPR_LOG_LEVEL: 'loud' } })

  assert.equal(code, 2)
  assert.match(stderr, /--port \(LOGPR_PORT\) must be <= 65535 \(got "70000"\); --log-level \(LOGPR_LOG_LEVEL\) must be one of trace, /)
})

test('serve refuses what is no flag, and says how a flag is switched', async () => {
  const { code, stderr } = await logpr(['serve', '--packing', 'maybe'])
  assert.equal(code, 2)
  assert.equal(stderr, 'logpr: logpr serve takes no arguments besides flags (got 1); --packing takes true or false\n')
})

test('a port that is taken ends the start with the reason', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { code, stderr } = await logpr(['serve', '--port', String(port)])
  taken.close()

  assert.equal(code, 2)
  assert.match(stderr, new RegExp(`cannot listen on 127.0.0.1:${port} \\(EADDRINUSE\\)`))
})

test('an unknown flag or command is refused', async () => {
  const [flag, command] = await Promise.all([logpr(['serve', '--prot', '1']), logpr(['serv'])])

  assert.deepEqual([flag.code, command.code], [2, 2])
  assert.match(flag.stderr, /--prot is not a flag; did you mean --port\?/)
  assert.match(command.stderr, /no command "serv"; did you mean logpr serve\?/)
})

test('nothing that is typed after a model is dropped', async () => {
  for (const argv of [
    ['inspect', 'a', 'extra'],
    ['manifest', 'a', 'extra'],
    ['pull', 'a/b', 'c/d'],
    ['check', '--joint', '-1', '--marginal', '-1', 'extra'],
    ['inspect', 'a', '--model', 'b'],
    ['inspect', '--provider', 'a']
  ]) {
    const { code, stdout, stderr } = await logpr(argv)
    assert.deepEqual([code, stdout], [2, ''], argv.join(' '))
    assert.match(stderr, /\(got [12]\)|given twice|leave out the model/)
  }
})

test('a variable that is no setting is a warning, and the variables of test scripts are none', async () => {
  const { code, stderr } = await logpr(['check', '--joint', '-1', '--marginal', '-1'], { env: { LOGPR_THREAD: '2', LOGPR_CI_CACHE: '/tmp' } })
  assert.equal(code, 0)
  assert.equal(stderr, 'logpr: warning: LOGPR_THREAD is ignored: no setting has this name; did you mean LOGPR_THREADS?\n')
})

test('serve logs a warning for an unknown variable, and for an open port without keys', async () => {
  const service = await startListening({ LOGPR_HOST: '0.0.0.0', LOGPR_PROT: '1' })
  await service.stop()
  const warnings = service.log.flatMap((line) => (line.includes('"warn"') ? [(JSON.parse(line) as { msg: string }).msg] : []))
  assert.match(present(warnings[0]), /^LOGPR_PROT is ignored: no setting has this name; did you mean LOGPR_PORT\?$/)
  assert.match(present(warnings[1]), /^everyone who can reach 0\.0\.0\.0 may send requests: set --api-keys-file \(LOGPR_API_KEYS_FILE\)/)
})

test('help lists the commands, and the help of each has two examples and its settings', async () => {
  const { code, stdout } = await logpr(['--help'])
  assert.equal(code, 0)
  const commands = [...stdout.matchAll(/^ {2}logpr ([a-z]+) {2}/gm)].map(([, command]) => present(command)).filter((command) => command !== 'version')
  assert.deepEqual(commands, ['serve', 'score', 'perplexity', 'check', 'audit', 'compare', 'inspect', 'manifest', 'pull'])
  for (const command of commands) {
    const [flag, word] = await Promise.all([logpr([command, '--help']), logpr(['help', command])])
    assert.equal(flag.stdout, word.stdout)
    assert.equal(flag.stdout.match(/^ {2}# .*\n {2}logpr /gm)?.length, 2)
  }
  assert.match((await logpr(['serve', '--help'])).stdout, /--max-batch-tokens/)
})
