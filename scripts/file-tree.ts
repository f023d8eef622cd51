/** What every folder is for, in one phrase: CONTRIBUTING.md and docs/architecture.md show this table. */

interface Folder {
  readonly path: string
  readonly phrase: string
  /** File name to phrase: where a newcomer begins to read. At most three, so that the page stays short. */
  readonly files?: Readonly<Record<string, string>>
}

/** Every folder of src/, in the order in which a request meets them, then what supports them. */
export const SOURCE_FOLDERS: readonly Folder[] = [
  { path: 'src', phrase: 'the service', files: { 'main.ts': 'parses the command, sets the exit code', 'errors.ts': 'every error code; `ServiceError`' } },
  {
    path: 'src/cli',
    phrase: 'the commands and what they print',
    files: { 'commands.ts': 'every command with its flags and examples', 'serve.ts': '`logpr serve`', 'score.ts': '`logpr score`' }
  },
  {
    path: 'src/config',
    phrase: 'the option table, flags and variables, API keys',
    files: { 'options.ts': 'every option with its default and bounds', 'parse-flags.ts': 'arguments to flags' }
  },
  { path: 'src/http', phrase: 'the HTTP side; the only folder that knows statuses', files: { 'build-app.ts': 'registers plugins and routes, in order' } },
  { path: 'src/http/plugins', phrase: 'request ids, API keys, JSON bodies, error bodies, the API description' },
  { path: 'src/http/routes', phrase: 'one file per endpoint or family of endpoints', files: { 'logprob.ts': '`POST /v1/logprob`' } },
  { path: 'src/http/schemas', phrase: 'JSON Schemas of requests and responses' },
  { path: 'src/json', phrase: 'parses JSON in slices, and rejects what JSON.parse accepts silently and what no request needs' },
  {
    path: 'src/serving',
    phrase: 'a served model: how it starts, what watches it, when it is ready',
    files: {
      'backend.ts': 'wires tokenizer, engine and scheduler of a model',
      'model-entry.ts': 'a model from its name to its end',
      'monitor.ts': 'the model monitor'
    }
  },
  { path: 'src/logprob', phrase: '`/v1/logprob`: a request to items, scored items to results' },
  { path: 'src/completions', phrase: '`/v1/completions`: prompts to jobs, rows to choices' },
  { path: 'src/loss', phrase: '`/v1/loss`: one training example to labelled tokens, rows to losses and a diagnosis' },
  { path: 'src/choice', phrase: '`/v1/choose`: questions to items, scored spellings to probabilities of choices' },
  { path: 'src/perplexity', phrase: '`/v1/perplexity`: texts of any length to windows, scored windows to perplexities' },
  { path: 'src/rerank', phrase: 'the rerank endpoints: documents to items, scored items to a ranking' },
  { path: 'src/rerank/dialects', phrase: 'the request and response formats of rerank clients' },
  {
    path: 'src/encoding',
    phrase: 'text to token ids: spelling, offsets, the boundary between x and y',
    files: { 'encode-items.ts': 'items to token ids', 'boundary.ts': 'which ids are x and which are y' }
  },
  {
    path: 'src/evaluation',
    phrase: 'token ids to checked scores; deep and sampled verification',
    files: { 'scored-item.ts': 'rows to sums and checks', 'deep-verification.ts': 'the passes of `verify: "deep"`' }
  },
  {
    path: 'src/scheduling',
    phrase: 'the queue, the next batch, deadlines, fairness, the result cache',
    files: { 'scheduler.ts': 'takes jobs, runs batches', 'batch-planner.ts': 'which jobs form the next batch', 'request-queue.ts': 'whose turn it is' }
  },
  {
    path: 'src/engine',
    phrase: "the engine interface and the front's side of an engine process",
    files: { 'engine.ts': 'the interface: batches in, rows out', 'process-engine.ts': 'one engine process and its restarts', 'protocol.ts': 'the messages' }
  },
  {
    path: 'src/engine/process',
    phrase: 'what runs in the engine process; the only importer of ONNX Runtime',
    files: { 'entry.ts': 'receives the messages', 'session.ts': 'loads a model, scores a batch', 'row-scores.ts': 'outputs of the graph to rows' }
  },
  {
    path: 'src/engine/process/sharing',
    phrase: 'batches whose sequences share computation: packed rows, cached prefixes, long texts in chunks',
    files: { 'shared-scoring.ts': 'scores such a batch' }
  },
  { path: 'src/engine/process/prefix-cache', phrase: 'keys, values and scores of prefixes in a radix tree of bounded size' },
  { path: 'src/engine/process/prepacked', phrase: 'weights as the runtime packs them, in a file that all replicas map' },
  { path: 'src/engine/process/self-test', phrase: 'the forward passes before a model is ready, and what they show' },
  {
    path: 'src/statistics',
    phrase: 'statistics of a scored text: Min-K%, Min-K%++, zlib ratio, sampling discrepancy'
  },
  {
    path: 'src/scoring',
    phrase: 'pure maths: sums, normalization, tolerance, raw logits; imports nothing else',
    files: { 'noise.ts': 'measured noise to a tolerance', 'row-probe.ts': 'a second implementation over raw logits' }
  },
  { path: 'src/scoring/checks', phrase: 'the checks', files: { 'request-checks.ts': 'those of every result' } },
  { path: 'src/scoring/checks/catalog', phrase: 'condition, formula, causes and advice of each check, for messages and pages' },
  { path: 'src/scoring/consistency', phrase: '`/v1/check`: whether reported log-probabilities can be right' },
  { path: 'src/scoring/loss', phrase: 'labels, losses and loss conventions' },
  { path: 'src/scoring/words', phrase: 'words of a text, and which tokens spell each' },
  { path: 'src/jinja', phrase: "an interpreter of Jinja with Python's values, for chat templates", files: { 'template.ts': 'reads and renders one' } },
  { path: 'src/tokenizer', phrase: 'the tokenizer interface; text to ids and back, as transformers does it', files: { 'tokenizer.ts': 'the interface' } },
  { path: 'src/tokenizer/chat', phrase: 'conversations: chat templates, and which part of a text each message wrote' },
  { path: 'src/tokenizer/threads', phrase: 'tokenizers in their own threads: turns, restarts, sharing between models' },
  { path: 'src/hub', phrase: 'models of the Hugging Face hub: ids, downloads, the cache' },
  { path: 'src/model', phrase: 'what `--model` names, known answers, tolerance ceilings' },
  { path: 'src/model/folder', phrase: 'which file of a model folder is loaded, and what its JSON files say' },
  {
    path: 'src/model/onnx',
    phrase: 'reads, analyses, rewrites and writes ONNX graphs',
    files: { 'scoring-graph.ts': 'the scoring graph', 'find-head.ts': 'finds the LM head', 'model-inputs.ts': 'the role of each input' }
  },
  { path: 'src/model/weights', phrase: 'where each tensor lies, file hashes, the file-change detector' },
  { path: 'src/model/precision', phrase: '`--precision int8`: weights rounded to 8 bits' },
  { path: 'src/memory', phrase: 'simulates a graph to predict the memory of a service' },
  { path: 'src/memory/shapes', phrase: "the shapes of each operator's outputs" },
  { path: 'src/provider', phrase: 'which execution provider can run here, and what CUDA lacks' },
  { path: 'src/inspect', phrase: 'the report of `logpr inspect`' },
  {
    path: 'src/peer',
    phrase: 'a client of other servers with the completions endpoint: vLLM, llama.cpp, SGLang',
    files: { 'peer-client.ts': 'sends requests' }
  },
  { path: 'src/audit', phrase: '`logpr audit`: the checks of another server and their report', files: { 'audit.ts': 'runs every check' } },
  { path: 'src/compare', phrase: '`logpr compare`: the tokens of two sides, their differences, and the figure', files: { 'comparison.ts': 'adds up texts' } },
  { path: 'src/audit/checks', phrase: 'the checks that compare several requests' },
  { path: 'src/client', phrase: '`logpr/client`: the TypeScript client, without code of the service', files: { 'logpr-client.ts': 'every method' } },
  { path: 'src/observability', phrase: 'the logger and every metric', files: { 'metrics.ts': 'every metric' } },
  { path: 'src/process', phrase: 'facts about this process and package: versions, memory limit, CPU features' }
]

const OTHER_FOLDERS: readonly Folder[] = [
  { path: 'test', phrase: 'mirrors src/' },
  { path: 'test/faults', phrase: 'planted faults and which check reports them; honest requests' },
  { path: 'test/golden', phrase: 'stored log-probabilities of the embedded model' },
  { path: 'test/matrix', phrase: 'every tested model against transformers and plain onnxruntime' },
  { path: 'test/oracle', phrase: 'comparisons with Python: transformers in float64, tokenizers' },
  { path: 'test/real', phrase: 'a real model against transformers: `npm run test:real`' },
  { path: 'test/interop', phrase: 'real clients: evaluation harnesses, SDKs, rerankers' },
  { path: 'test/promises', phrase: 'measurements of what is promised to operators: `npm run test:faults`, `test:load`, `test:api`' },
  { path: 'test/e2e', phrase: 'whole processes: `npm run test:e2e`' },
  { path: 'test/deploy', phrase: 'what the files in deploy/ say, and their own checkers' },
  { path: 'test/containers', phrase: 'builds the images and runs docker-compose.yml: `npm run test:containers`' },
  { path: 'test/slow', phrase: 'suites that take minutes; run by `.ci/run`' },
  { path: 'test/support', phrase: 'fakes, fixtures and helpers of the tests' },
  { path: 'clients/python', phrase: 'the Python client, a package of its own' },
  { path: 'bench', phrase: 'benchmarks and their results' },
  { path: 'docs', phrase: 'guides, reference, decisions; docs/README.md is the index' },
  { path: 'scripts', phrase: 'page generators, the test runner, golden values, training of the embedded model' },
  { path: 'models', phrase: 'the embedded model and its card' },
  { path: 'web', phrase: 'the playground: no build step, no external files' },
  { path: 'deploy', phrase: 'gateways, Kubernetes, alerts and a dashboard' }
]

/** Every path that has a phrase, folders and files. */
export function describedPaths(): string[] {
  return [...SOURCE_FOLDERS, ...OTHER_FOLDERS].flatMap(({ path, files = {} }) => [path, ...Object.keys(files).map((file) => `${path}/${file}`)])
}

/** The block of CONTRIBUTING.md: one line per folder, without the folders below those of src/. */
export function folderList(): string {
  const shown = [...SOURCE_FOLDERS.filter(({ path }) => path.split('/').length === 2), ...OTHER_FOLDERS]
  const width = Math.max(...shown.map(({ path }) => path.length)) + 1
  return ['```', ...shown.map(({ path, phrase }) => `${`${path}/`.padEnd(width)}  ${phrase.replaceAll('`', '')}`), '```'].join('\n')
}

/** The block of docs/architecture.md: every folder of src/, each with the files to begin with. */
export function sourceTable(): string {
  const rows = SOURCE_FOLDERS.map(({ path, phrase, files = {} }) => {
    const named = Object.entries(files).map(([file, filePhrase]) => `[\`${file}\`](../${path}/${file}): ${filePhrase}`)
    return `| \`${path}/\` | ${phrase} | ${named.join('<br>')} |`
  })
  return ['| folder | what it does | read first |', '|---|---|---|', ...rows].join('\n')
}
