import { join } from 'node:path'
import { loadConfig } from '../config/load-config.ts'
import { renderJson, renderText } from '../inspect/render.ts'
import { reportOn } from '../inspect/report.ts'
import { PACKAGE_FOLDER } from '../package-info.ts'

/** `logpr inspect`: what a model folder is and what the service would make of it, without loading weights. */
export async function inspect(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { config, own, positionals } = loadConfig(argv, env, ['json'])
  const path = positionals[0] ?? (config.MODEL === '' ? join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en') : config.MODEL)
  const sections = reportOn(path, config)
  process.stdout.write(own.json === 'true' ? renderJson(sections) : renderText(sections))
  return 0
}
