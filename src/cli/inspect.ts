import { loadConfig } from '../config/load-config.ts'
import { renderJson, renderText } from '../inspect/render.ts'
import { reportOn } from '../inspect/report.ts'
import { onlyReference } from '../model/model-reference.ts'

/** `logpr inspect`: what a model folder is and what the service would make of it, without loading weights. */
export async function inspect(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { config, own, positionals } = loadConfig(argv, env, ['json'])
  const sections = reportOn(onlyReference(positionals[0] ?? config.MODEL).reference, config)
  process.stdout.write(own.json === 'true' ? renderJson(sections) : renderText(sections))
  return 0
}
