import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findProviderFacts, hasCudaProvider } from '../../src/provider/find-facts.ts'
import { tempFolder } from '../support/temp-folder.ts'

describe('findProviderFacts', () => {
  it('finds no provider library in an empty folder', (t) => {
    const folder = tempFolder(t)
    const { providerLibraries, installedVersion } = findProviderFacts(undefined, folder)
    assert.deepEqual([hasCudaProvider(folder), installedVersion], [false, null])
    assert.ok(providerLibraries.every(({ path }) => path === null))
  })

  it('says of a file that is no library that it needs nothing that is known, and reads the note of the version', (t) => {
    const folder = tempFolder(t, {
      'libonnxruntime_providers_shared.so': 'text',
      'libonnxruntime_providers_cuda.so': '',
      'libonnxruntime_providers.json': '{"onnxruntime": "1.30.0"}'
    })
    const { providerLibraries, installedVersion } = findProviderFacts(undefined, folder)
    assert.equal(hasCudaProvider(folder), true)
    assert.deepEqual(
      providerLibraries.map(({ needed }) => needed),
      [null, null]
    )
    assert.equal(installedVersion, '1.30.0')
  })

  it('finds a library in LD_LIBRARY_PATH before anywhere else', (t) => {
    const folder = tempFolder(t, { 'libcuda.so.1': '' })
    assert.equal(findProviderFacts(`/none:${folder}`, tempFolder(t)).libraries.get('libcuda.so.1'), join(folder, 'libcuda.so.1'))
  })
})
