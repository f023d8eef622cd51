/**
 * Why a model may not name this file, as the end of a sentence; null when it may: a relative path, with forward slashes,
 * that stays below the folder of the model. Says nothing of what lies there.
 */
export function locationFault(location: string | undefined): string | null {
  if (location === undefined || location === '') return 'names no file'
  if (location.includes('\0')) return 'has a NUL character in it'
  if (/^[a-z][a-z0-9+.-]+:/i.test(location)) return 'is a URL'
  if (/^(?:[/\\]|[a-z]:)/i.test(location)) return 'is an absolute path'
  if (location.split(/[\\/]/).includes('..')) return 'leaves the folder of the model by ".."'
  return null
}

/**
 * Where links of a snapshot in a Hugging Face cache (.../models--org--name/snapshots/REV, or a folder in it) may lead: the blobs
 * of the repository, and the store that all repositories of the cache share. Empty for other folders.
 */
export function cacheBlobsFolders(folder: string): string[] {
  const [, cache, repository] = /^(.*)([\\/](?:models|datasets|spaces)--[^\\/]+)[\\/]snapshots[\\/][^\\/]+(?:[\\/].*)?$/.exec(folder) ?? []
  return repository === undefined ? [] : [`${cache}${repository}/blobs`, `${cache}/blobs`]
}
