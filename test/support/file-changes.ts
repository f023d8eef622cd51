import { closeSync, copyFileSync, ftruncateSync, openSync, renameSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs'

/** Changes to a model file that is in use. */
export const FILE_CHANGES: readonly (readonly [string, (path: string) => void])[] = [
  ['written over in place with as many bytes', (path) => overwrite(path, Buffer.from('X'))],
  ['cut short', (path) => inPlace(path, (file) => ftruncateSync(file, Math.floor(statSync(path).size / 2)))],
  ['replaced by another under its name', replaceByCopy],
  ['touched', touch],
  ['removed', (path) => rmSync(path)]
]

/** Overwrites bytes of the file, by default its first ones. */
export function overwrite(path: string, bytes: Uint8Array, offset = 0): void {
  inPlace(path, (file) => writeSync(file, bytes, 0, bytes.length, offset))
}

/** Replaces the file with a copy of itself: same content, another inode. */
export function replaceByCopy(path: string): void {
  copyFileSync(path, `${path}.new`)
  renameSync(`${path}.new`, path)
}

/** Changes only the timestamps of the file. */
export function touch(path: string): void {
  const now = new Date()
  utimesSync(path, now, now)
}

function inPlace(path: string, change: (file: number) => void): void {
  const file = openSync(path, 'r+')
  change(file)
  closeSync(file)
}
