import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { describedPaths, SOURCE_FOLDERS } from '../../scripts/file-tree.ts'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'

/** The folders below src/ that hold a source file; one that a rename left empty is not one of the project's. */
function sourceFolders(): string[] {
  const files = readdirSync(join(PACKAGE_FOLDER, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return [...new Set(files.map((file) => join('src', file, '..')))].sort()
}

describe('the file tree of CONTRIBUTING.md and docs/architecture.md', () => {
  test('has a phrase for every folder of src/', () => {
    const described = new Set(SOURCE_FOLDERS.map(({ path }) => path))
    assert.deepEqual(
      sourceFolders().filter((folder) => !described.has(folder)),
      []
    )
  })

  test('names only folders and files that exist', () => {
    assert.deepEqual(
      describedPaths().filter((path) => !existsSync(join(PACKAGE_FOLDER, path))),
      []
    )
  })

  test('describes each path once', () => {
    const paths = describedPaths()
    assert.deepEqual(
      paths.filter((path, i) => paths.indexOf(path) !== i),
      []
    )
  })

  test('names at most three files of a folder', () => {
    const crowded = SOURCE_FOLDERS.filter(({ files = {} }) => Object.keys(files).length > 3)
    assert.deepEqual(crowded, [])
  })
})
