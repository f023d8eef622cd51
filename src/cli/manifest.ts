import { loadConfig } from '../config/load-config.ts'
import { renderSums, textFilesOf } from '../model/manifest.ts'
import { openModel } from '../model/open-model.ts'
import { hashNamedFiles } from '../model/weights/file-hashes.ts'
import { locateShown } from './model-locator.ts'

/**
 * `logpr manifest`: SHA-256 and name of every file that serving the model would read, in the format of sha256sum, so that
 * `sha256sum --check` in the model folder compares them. As SHA256SUMS in that folder they are compared at every start.
 */
export async function manifest(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { config, positionals } = loadConfig(argv, env)
  const located = await locateShown(positionals[0] ?? config.MODEL, config, env, process.stderr)
  const { folder, files } = openModel(located.folder, { dtype: config.DTYPE })
  process.stdout.write(renderSums(await hashNamedFiles([...files, ...textFilesOf(folder)])))
  return 0
}
