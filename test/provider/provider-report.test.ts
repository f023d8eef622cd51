import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { choiceFrom } from '../../src/provider/choose-provider.ts'
import type { ProviderInfo } from '../../src/provider/provider-info.ts'
import { providerReport, renderProviderReport } from '../../src/provider/provider-report.ts'
import { present } from '../support/present.ts'

const NEEDED = ['libcublasLt.so.13', 'libcublas.so.13', 'libcurand.so.10', 'libcudart.so.13', 'libc.so.6']
const OPTIONAL = ['libcudnn.so.9', 'libcufft.so.12', 'libnvrtc.so.13']

/** A machine that has everything except the `missing` libraries. */
function machine({ missing = [], ...changes }: Partial<ProviderInfo> & { readonly missing?: readonly string[] } = {}): ProviderInfo {
  return {
    platform: 'linux/x64',
    onnxruntime: '1.30.0',
    folder: '/ort',
    providerLibraries: ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'].map((name, i) => ({
      name,
      path: missing.includes(name) ? null : `/ort/${name}`,
      needed: i === 0 || missing.includes(name) ? [] : NEEDED
    })),
    installedVersion: '1.30.0',
    libraries: new Map(
      [...NEEDED, 'libcuda.so.1', ...OPTIONAL].map((name) => [name, missing.includes(name) || OPTIONAL.includes(name) ? null : `/lib/${name}`])
    ),
    driver: '580.65.06',
    devices: ['/dev/nvidia3'],
    ...changes
  }
}

const missingOf = (info: ProviderInfo): string[] => providerReport(info).items.flatMap(({ what, status }) => (status === 'missing' ? [what] : []))

describe('providerReport', () => {
  it('finds CUDA usable, and its version, when only optional libraries are absent', () => {
    const report = providerReport(machine())
    assert.deepEqual([report.isUsable, report.cudaMajor], [true, 13])
    assert.deepEqual(
      report.items.filter(({ status }) => status === 'not_needed').map(({ what }) => what),
      OPTIONAL
    )
  })

  const FAULTS: readonly [string, ProviderInfo, string, RegExp][] = [
    ['another platform', machine({ platform: 'darwin/arm64' }), 'platform', /exist for linux\/x64; this is darwin\/arm64/],
    [
      'no provider library',
      machine({ missing: ['libonnxruntime_providers_cuda.so'] }),
      'libonnxruntime_providers_cuda.so',
      /bash scripts\/install-cuda-provider\.sh/
    ],
    [
      'no CUDA library',
      machine({ missing: ['libcublas.so.13'] }),
      'libcublas.so.13',
      /image with CUDA 13, install cuda-libraries-13-0 .* pip install nvidia-cublas /
    ],
    ['no system library', machine({ missing: ['libc.so.6'] }), 'libc.so.6', /a system library/],
    ['no driver library', machine({ missing: ['libcuda.so.1'] }), 'libcuda.so.1', /--gpus all/],
    [
      'provider libraries of another version',
      machine({ installedVersion: '1.29.0' }),
      'onnxruntime version',
      /onnxruntime-node is 1\.30\.0; install that version/
    ],
    [
      'a damaged library',
      machine({ providerLibraries: [{ name: 'libonnxruntime_providers_cuda.so', path: '/x', needed: null }] }),
      'libonnxruntime_providers_cuda.so',
      /install it again/
    ]
  ]
  for (const [what, info, item, advice] of FAULTS) {
    it(`names ${what}, with advice`, () => {
      assert.deepEqual(missingOf(info), [item])
      assert.match(present(providerReport(info).items.find((each) => each.what === item)?.advice), advice)
    })
  }

  it('requires a GPU and a driver, and accepts a driver of unknown version where there is a GPU', () => {
    assert.deepEqual(missingOf(machine({ devices: [], driver: null })), ['NVIDIA driver', 'GPU'])
    assert.deepEqual(missingOf(machine({ devices: ['/dev/dxg'], driver: null })), [])
  })

  it('warns about a driver that is too old for the CUDA version', () => {
    const adviceFor = (driver: string): string | null => providerReport(machine({ driver })).items.find(({ what }) => what === 'NVIDIA driver')?.advice ?? null
    assert.match(present(adviceFor('570.10')), /CUDA 13 needs driver 580 or newer/)
    assert.equal(adviceFor('580.10'), null)
  })

  it('advises to check the version of provider libraries that was not recorded', () => {
    const item = providerReport(machine({ installedVersion: null })).items.find(({ what }) => what === 'onnxruntime version')
    assert.deepEqual([item?.status, item?.found], ['found', 'not recorded'])
  })
})

describe('choiceFrom', () => {
  it('selects CUDA when nothing is missing', () => {
    const choices = (['auto', 'cuda'] as const).map((wanted) => choiceFrom(wanted, providerReport(machine())))
    assert.deepEqual(choices, [
      { executionProvider: 'cuda', reason: 'auto: CUDA 13 provider, its libraries and a GPU were found' },
      { executionProvider: 'cuda', reason: 'asked for' }
    ])
  })

  it('for auto selects the CPU and names what is missing; for cuda throws with all of it and advice', () => {
    const report = providerReport(machine({ missing: ['libcurand.so.10'], devices: [] }))
    assert.deepEqual(choiceFrom('auto', report), { executionProvider: 'cpu', reason: 'auto: CUDA cannot be used without libcurand.so.10, GPU' })
    assert.throws(() => choiceFrom('cuda', report), {
      code: 'configuration_invalid',
      message: /^CUDA cannot be used\. Missing: libcurand\.so\.10 \(.*pip install nvidia-curand.*\); GPU \(.*--gpus all\)\. Run logpr inspect --provider/
    })
  })
})

describe('renderProviderReport', () => {
  it('has a line per requirement, marks what is missing and counts the system libraries', () => {
    const text = renderProviderReport(providerReport(machine({ missing: ['libcublas.so.13'] })))
    assert.match(text, /^onnxruntime 1\.30\.0 on linux\/x64: the provider library needs CUDA 13; cuDNN 9 is optional$/m)
    assert.match(text, /^libcublas\.so\.13 +MISSING {2}-> use an image with CUDA 13/m)
    assert.match(text, /^libcudnn\.so\.9 +absent /m)
    assert.match(text, /^system libraries +found {4}1$/m)
    assert.doesNotMatch(text, /^libc\.so\.6/m)
    assert.match(text, /CUDA cannot be used/)
    assert.match(renderProviderReport(providerReport(machine())), /CUDA can be used/)
  })
})
