import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { satisfies } from 'semver'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'

interface LockedPackage {
  readonly version: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly resolved?: string
  readonly integrity?: string
  readonly license?: string
  readonly hasInstallScript?: boolean
  readonly cpu?: readonly string[]
  readonly engines?: { readonly node?: string }
}

const readText = (name: string): string => readFileSync(join(PACKAGE_FOLDER, name), 'utf8')
const manifest = JSON.parse(readText('package.json')) as {
  readonly engines: { readonly node: string }
  readonly dependencies: Readonly<Record<string, string>>
  readonly bundleDependencies: readonly string[]
}
const { packages } = JSON.parse(readText('package-lock.json')) as { readonly packages: Readonly<Record<string, LockedPackage>> }
const locked = Object.entries(packages).filter(([path]) => path !== '')
const inProduction = locked.filter(([, { dev }]) => dev !== true)

/** "name version" of each locked package that a rule finds, by its folder. */
const namesOf = (found: typeof locked): string[] => found.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')} ${version}`)

describe('locked packages', () => {
  test('run on the oldest Node that package.json supports, and on 22 and 24, so that npm ci has no EBADENGINE warning', () => {
    const oldest = manifest.engines.node.replace('>=', '')
    assert.match(oldest, /^\d+\.\d+$/)
    for (const version of [`${oldest}.0`, '22.12.0', '24.0.0']) {
      // npm skips an optional package of another platform without a word.
      const unfit = locked.filter(([, { engines, cpu }]) => engines?.node !== undefined && !cpu?.includes('ia32') && !satisfies(version, engines.node))
      assert.deepEqual(namesOf(unfit), [], `on Node ${version}: override these with an older version in package.json, or replace them`)
    }
  })

  test('carry a hash, and no address of a registry', () => {
    assert.deepEqual(namesOf(locked.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true)), [])
    assert.deepEqual(namesOf(locked.filter(([, { resolved }]) => resolved !== undefined)), [], 'run npm install with the .npmrc of this repository')
  })

  test('run no install script: npm runs only those that the lock file notes', () => {
    const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript === true)
    assert.deepEqual(namesOf(scripted), [], 'read its install script; if logpr works without it, delete this "hasInstallScript" from package-lock.json')
  })

  test('in production: all but onnxruntime-node, which has the native code, travel in the package', () => {
    const { dependencies, bundleDependencies } = manifest
    assert.deepEqual(
      Object.keys(dependencies).filter((name) => !bundleDependencies.includes(name)),
      ['onnxruntime-node'],
      'add them to bundleDependencies in package.json'
    )
    // Packages of other platforms are how native code usually comes.
    assert.deepEqual(namesOf(inProduction.filter(([, { optional }]) => optional === true)), [])
  })

  test('in production: no images, no browser build of the runtime, no transformers.js', () => {
    const unwanted = inProduction.filter(([path]) => /\/(?:sharp|onnxruntime-web|transformers)$|@img\//.test(path))
    assert.deepEqual(namesOf(unwanted), [])
  })

  test('in production: licences that permit any use', () => {
    const PERMISSIVE = [
      '0BSD',
      'Apache-2.0',
      'BSD-2-Clause',
      'BSD-3-Clause',
      'BlueOak-1.0.0',
      'ISC',
      'MIT',
      '(MIT OR CC0-1.0)',
      '(MIT AND Zlib)',
      'Python-2.0',
      'Unlicense'
    ]
    const others = inProduction.filter(([, { license }]) => !PERMISSIVE.includes(license ?? 'none'))
    assert.deepEqual(namesOf(others), [])
  })
})
