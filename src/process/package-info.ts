import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder with package.json, whether this module runs from `src/` or from `dist/src/`. */
export const PACKAGE_FOLDER = nearestPackageFolder(dirname(fileURLToPath(import.meta.url)))

export const LOGPR_VERSION = versionIn(PACKAGE_FOLDER)

export const ONNXRUNTIME_FOLDER = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))

/** Read from package.json, so that the native library is not loaded. */
export const ONNXRUNTIME_VERSION = versionIn(ONNXRUNTIME_FOLDER)

function nearestPackageFolder(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : nearestPackageFolder(dirname(folder))
}

function versionIn(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return manifest.version
}
