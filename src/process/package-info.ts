import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds package.json: the same from `src/` and from the build in `dist/src/`. */
export const PACKAGE_FOLDER = nearestPackageFolder(dirname(fileURLToPath(import.meta.url)))

/** Version of logpr, from package.json. */
export const LOGPR_VERSION = versionIn(PACKAGE_FOLDER)

/** The installed package onnxruntime-node. */
export const ONNXRUNTIME_FOLDER = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))

/** Version of the installed onnxruntime-node, read without loading its native library. */
export const ONNXRUNTIME_VERSION = versionIn(ONNXRUNTIME_FOLDER)

function nearestPackageFolder(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : nearestPackageFolder(dirname(folder))
}

function versionIn(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return manifest.version
}
