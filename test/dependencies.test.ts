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
  readonly engines?: { readonly node?: string }
}

const readText = (name: string): string => readFileSync(join(PACKAGE_FOLDER, name), 'utf8')
const manifest = JSON.parse(readText('package.json')) as { readonly engines: { readonly node: string } }
const { packages } = JSON.parse(readText('package-lock.json')) as { readonly packages: Readonly<Record<string, LockedPackage>> }
const locked = Object.entries(packages).filter(([path]) => path !== '')
const inProduction = locked.filter(([, { dev }]) => dev !== true)

/** "name version" of each locked package that a rule finds, by its folder. */
const namesOf = (found: typeof locked): string[] => found.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')} ${version}`)

describe('locked packages', () => {
  test('run on the oldest Node that package.json supports', () => {
    const oldest = manifest.engines.node.replace('>=', '')
    assert.match(oldest, /^\d+\.\d+$/)
    const newer = locked.filter(([, { engines }]) => engines?.node !== undefined && !satisfies(`${oldest}.0`, engines.node))
    assert.deepEqual(namesOf(newer), [], 'override these with an older version in package.json, or replace them')
  })

  test('carry a hash, and no address of a registry', () => {
    assert.deepEqual(namesOf(locked.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true)), [])
    assert.deepEqual(namesOf(locked.filter(([, { resolved }]) => resolved !== undefined)), [], 'run npm install with the .npmrc of this repository')
  })

  test('in production: only onnxruntime-node has native code or an install script, which .npmrc does not run', () => {
    const scripted = inProduction.filter(([, { hasInstallScript }]) => hasInstallScript === true)
    assert.deepEqual(
      scripted.map(([path]) => path),
      ['node_modules/onnxruntime-node']
    )
    assert.match(readText('.npmrc'), /^ignore-scripts=true$/m)
    // Packages of other platforms are how native code usually comes.
    assert.deepEqual(namesOf(inProduction.filter(([, { optional }]) => optional === true)), [])
  })

  test('in production: no images, no browser build of the runtime, no transformers.js', () => {
    const unwanted = inProduction.filter(([path]) => /\/(?:sharp|onnxruntime-web|transformers)$|@img\//.test(path))
    assert.deepEqual(namesOf(unwanted), [])
  })

  test('in production: licences that permit any use', () => {
    const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT', '(MIT OR CC0-1.0)', 'Python-2.0', 'Unlicense']
    const others = inProduction.filter(([, { license }]) => !PERMISSIVE.includes(license ?? 'none'))
    assert.deepEqual(namesOf(others), [])
  })
})
