import { dirname, relative, sep } from 'node:path'

/** The deepest folder that holds all of the files, which are absolute paths; at least one. */
export function commonFolder(paths: readonly string[]): string {
  const [first, ...rest] = paths.map((path) => dirname(path))
  if (first === undefined) throw new RangeError('there is no common folder of no files')
  return rest.reduce((common, folder) => {
    let shared = common
    while (!isAtOrBelow(folder, shared)) shared = dirname(shared)
    return shared
  }, first)
}

/** A file below the folder as ONNX names it: relative, with forward slashes. */
export function locationIn(folder: string, path: string): string {
  return relative(folder, path).split(sep).join('/')
}

function isAtOrBelow(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !/^[a-z]:/i.test(way))
}
