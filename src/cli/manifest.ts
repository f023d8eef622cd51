import { loadConfig } from '../config/load-config.ts'
import { renderSums, textFilesOf } from '../model/manifest.ts'
import { openModel } from '../model/open-model.ts'
import { hashNamedFiles } from '../model/weights/file-hashes.ts'
import { locateWithProgress } from './model-locator.ts'

/**
 * `logpr manifest`: prints the SHA-256 of every file that serving the model reads, for `sha256sum --check` in the model
 * folder. If the output is saved there as SHA256SUMS, every start of logpr compares it.
 */
export async function manifest(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { config, positionals } = loadConfig(argv, env)
  const located = await locateWithProgress(positionals[0] ?? config.MODEL, config, env, process.stderr)
  const { folder, files } = openModel(located.folder, { dtype: config.DTYPE })
  process.stdout.write(renderSums(await hashNamedFiles([...files, ...textFilesOf(folder)])))
  return 0
}
