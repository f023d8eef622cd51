/**
 * Deletes the native libraries of onnxruntime-node for other platforms than this one: of 288 MB, 45 MB stay on
 * linux/x64. For installations outside a container; the images do the same in their build. `npm ci` brings them back.
 */
import { readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const folder = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), 'bin', 'napi-v6')
if (!readdirSync(folder).includes(process.platform) || !readdirSync(join(folder, process.platform)).includes(process.arch)) {
  process.stderr.write(`onnxruntime-node has no libraries for ${process.platform}/${process.arch}; nothing was deleted\n`)
  process.exit(1)
}
for (const platform of readdirSync(folder))
  for (const arch of readdirSync(join(folder, platform)))
    if (platform !== process.platform || arch !== process.arch) {
      rmSync(join(folder, platform, arch), { recursive: true })
      process.stdout.write(`deleted ${platform}/${arch}\n`)
    }
