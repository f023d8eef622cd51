import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { ApiKeys } from '../src/config/api-keys.ts'
import { loadConfig } from '../src/config/load-config.ts'
import { renderConfigurationPage } from '../src/config/render-options.ts'
import { buildApp } from '../src/http/build-app.ts'
import { renderOpenapiYaml } from '../src/http/routes/operations.ts'
import { createMetrics } from '../src/observability/metrics.ts'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { KEPT_RESULTS as KEPT_INTEROP, readResults as readInterop } from '../test/interop/results.ts'
import { KEPT_RESULTS, readResults } from '../test/matrix/results.ts'
import { allPromises } from '../test/promises/promise.ts'
import { readResults as readPromises } from '../test/promises/results.ts'
import { checksBlocks } from './checks-page.ts'
import { chooseBlocks } from './choose-page.ts'
import { clientTypes } from './client-types.ts'
import { commandLineBlocks } from './command-line-page.ts'
import { decisionsIndex } from './decisions-index.ts'
import { folderList, sourceTable } from './file-tree.ts'
import { glossaryBlocks } from './glossary-page.ts'
import { harnessesBlocks } from './harnesses-page.ts'
import { renderHeadlines } from './headline-results.ts'
import { hubBlocks } from './hub-page.ts'
import { lossPage } from './loss-page.ts'
import { modelsBlocks } from './models-page.ts'
import { benchResults, performanceFigures, renderPerformance } from './performance-page.ts'
import { perplexityBlocks } from './perplexity-page.ts'
import { promiseMachines, promiseTable } from './promises-page.ts'
import { errorTable, metricTable } from './reference-pages.ts'
import { rerankBlocks } from './rerank-page.ts'
import { textDetailBlocks } from './text-details-page.ts'
import { exampleBlocks } from './worked-example.ts'

/** Every generated file of the repository: its path and required content. */
export async function generatedPages(): Promise<ReadonlyMap<string, string>> {
  const { readme, scoring, figure } = await exampleBlocks()
  const loss = await lossPage()
  const textDetails = await textDetailBlocks()
  const results = benchResults()
  const promises = readPromises()
  const openapi = await openapiYaml()
  return new Map([
    ['docs/configuration.md', renderConfigurationPage()],
    ['openapi.yaml', openapi],
    ['src/client/openapi.ts', clientTypes(openapi)],
    ['docs/performance.md', renderPerformance(results)],
    ...performanceFigures(results),
    ['docs/reference/errors.md', withBlocks('docs/reference/errors.md', { errors: errorTable() })],
    ['docs/reference/metrics.md', withBlocks('docs/reference/metrics.md', { metrics: await metricTable() })],
    ['docs/glossary.md', withBlocks('docs/glossary.md', await glossaryBlocks())],
    ['docs/architecture.md', withBlocks('docs/architecture.md', { folders: sourceTable() })],
    ['CONTRIBUTING.md', withBlocks('CONTRIBUTING.md', { tree: folderList() })],
    ['docs/decisions/README.md', withBlocks('docs/decisions/README.md', { index: decisionsIndex() })],
    ['docs/reference/checks.md', withBlocks('docs/reference/checks.md', checksBlocks())],
    ['docs/reference/command-line.md', withBlocks('docs/reference/command-line.md', commandLineBlocks())],
    ['docs/guides/harnesses.md', withBlocks('docs/guides/harnesses.md', harnessesBlocks(readInterop(KEPT_INTEROP)))],
    ['docs/guides/hub.md', withBlocks('docs/guides/hub.md', hubBlocks())],
    ['docs/reference/scoring.md', withBlocks('docs/reference/scoring.md', { example: scoring })],
    ['docs/reference/models.md', withBlocks('docs/reference/models.md', modelsBlocks(readResults(KEPT_RESULTS)))],
    [
      'docs/reference/promises.md',
      withBlocks('docs/reference/promises.md', { promises: promiseTable(await allPromises(), promises), machines: promiseMachines(promises) })
    ],
    ['docs/guides/loss.md', withBlocks('docs/guides/loss.md', loss.blocks)],
    ['docs/figures/masked-sequence.svg', loss.figure],
    ['docs/guides/choose.md', withBlocks('docs/guides/choose.md', await chooseBlocks())],
    ['docs/guides/statistics.md', withBlocks('docs/guides/statistics.md', textDetails.statistics)],
    ['docs/guides/words.md', withBlocks('docs/guides/words.md', textDetails.words)],
    ['docs/guides/perplexity.md', withBlocks('docs/guides/perplexity.md', await perplexityBlocks())],
    ['docs/guides/rerank.md', withBlocks('docs/guides/rerank.md', await rerankBlocks())],
    ['docs/figures/three-sums.svg', figure],
    ['README.md', withBlocks('README.md', { example: readme, performance: renderHeadlines(results) })]
  ])
}

async function openapiYaml(): Promise<string> {
  const { config } = loadConfig([], {})
  const models = { ids: [], health: withoutModel, backlogSeconds: withoutModel, scoring: withoutModel, tokenizing: withoutModel }
  const app = await buildApp({ config, metrics: createMetrics(), apiKeys: new ApiKeys([]), models }, pino({ level: 'silent' }))
  await app.ready()
  // A file has no service that it comes from.
  const servers = [{ url: 'http://127.0.0.1:8080', description: 'logpr serve with its default settings.' }]
  const text = renderOpenapiYaml({ ...app.swagger(), servers })
  await app.close()
  return `# Generated from the route schemas by \`npm run docs\`; a test fails when it is stale.\n${text}`
}

function withoutModel(): never {
  throw new Error('the description is made without a model')
}

/** The file at `path` with the text between `<!-- name:start -->` and `<!-- name:end -->` replaced, for each block. */
function withBlocks(path: string, blocks: Readonly<Record<string, string>>): string {
  return Object.entries(blocks).reduce(
    (page, [name, block]) => {
      const [before, rest] = page.split(`<!-- ${name}:start -->`)
      const after = rest?.split(`<!-- ${name}:end -->`)[1]
      if (before === undefined || after === undefined) throw new Error(`${path} has no block named ${name}`)
      return `${before}<!-- ${name}:start -->\n${block}\n<!-- ${name}:end -->${after}`
    },
    readFileSync(join(PACKAGE_FOLDER, path), 'utf8')
  )
}
