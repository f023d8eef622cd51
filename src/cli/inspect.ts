import { loadConfig } from '../config/load-config.ts'
import { renderJson, renderText } from '../inspect/render.ts'
import { reportOn } from '../inspect/report.ts'
import { openModel } from '../model/open-model.ts'
import { precisionFolder } from '../model/precision/cache-folder.ts'
import { formHere } from '../model/precision/form.ts'
import { preparedFile } from '../model/precision/prepare.ts'
import { inspectProvider } from './inspect-provider.ts'
import { locateShown } from './model-locator.ts'

/** `logpr inspect`: what a model is and what the service would make of it, without loading weights. */
export async function inspect(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { config, own, positionals } = loadConfig(argv, env, ['json', 'provider'])
  if (own.provider === 'true') return inspectProvider(own.json === 'true', env)
  const located = await locateShown(positionals[0] ?? config.MODEL, config, env, process.stderr)
  const prepared =
    config.PRECISION === 'auto'
      ? null
      : await preparedFile(openModel(located.folder, { dtype: config.DTYPE }), { form: formHere(), folder: precisionFolder(env) })
  const sections = reportOn(located, config, prepared)
  process.stdout.write(own.json === 'true' ? renderJson(sections) : renderText(sections))
  return 0
}
