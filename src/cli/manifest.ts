import { renderSums, textFilesOf } from '../model/manifest.ts'
import { openModel } from '../model/open-model.ts'
import { hashNamedFiles } from '../model/weights/file-hashes.ts'
import { COMMANDS } from './commands.ts'
import { locateWithProgress } from './model-locator.ts'
import { modelOf, readArguments } from './read-arguments.ts'

/**
 * `logpr manifest`: prints the SHA-256 of every file that serving the model reads, for `sha256sum --check` in the model
 * folder. If the output is saved there as SHA256SUMS, every start of logpr compares it.
 */
export async function manifest(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const loaded = readArguments(COMMANDS.manifest, argv, env)
  const { config } = loaded
  const located = await locateWithProgress(modelOf(loaded, argv), config, env, process.stderr)
  const { folder, files } = openModel(located.folder, { dtype: config.DTYPE })
  process.stdout.write(renderSums(await hashNamedFiles([...files, ...textFilesOf(folder)])))
  return 0
}
