import { OPTIONAL_LIBRARIES, type ProviderInfo, type ProviderLibrary } from './provider-info.ts'

export interface ProviderItem {
  readonly what: string
  /** `not_needed`: missing, and only some models would want it. */
  readonly status: 'found' | 'missing' | 'not_needed'
  /** Path or version of what was found. */
  readonly found: string | null
  /** What to do about it; null when nothing. */
  readonly advice: string | null
}

export interface ProviderReport {
  readonly platform: string
  readonly onnxruntime: string
  /** Of the CUDA version that the provider library was built for; null while it is not there. */
  readonly cudaMajor: number | null
  readonly items: readonly ProviderItem[]
  /** Whether nothing is missing. */
  readonly isUsable: boolean
}

export const INSTALL_COMMAND = 'bash scripts/install-cuda-provider.sh'
/** The oldest driver branch of a CUDA version, from NVIDIA's table of driver compatibility. */
const OLDEST_DRIVER: Readonly<Record<number, number>> = { 12: 525, 13: 580 }
/** PyPI's packages of the libraries, by the beginning of a library's name; those of CUDA 13 on carry no version in their names. */
const PACKAGES: readonly (readonly [string, string])[] = [
  ['libcudart.', 'nvidia-cuda-runtime'],
  ['libcublas', 'nvidia-cublas'],
  ['libcurand.', 'nvidia-curand'],
  ['libcufft.', 'nvidia-cufft'],
  ['libcudnn', 'nvidia-cudnn-cu13'],
  ['libnvrtc.', 'nvidia-cuda-nvrtc']
]

/** What of the CUDA provider is there, what is missing and what to do about it. */
export function providerReport(info: ProviderInfo): ProviderReport {
  const { platform, onnxruntime, providerLibraries, libraries } = info
  const cudaMajor = cudaMajorOf(providerLibraries)
  const needed = [...libraries].filter(([name]) => !OPTIONAL_LIBRARIES.includes(name))
  const items: ProviderItem[] = [
    platform === 'linux/x64'
      ? { what: 'platform', status: 'found', found: platform, advice: null }
      : { what: 'platform', status: 'missing', found: null, advice: `the provider libraries exist for linux/x64; this is ${platform}` },
    ...providerLibraries.map(itemOfProvider),
    versionItem(info),
    ...needed.map(([name, path]) => libraryItem(name, path, cudaMajor)),
    driverItem(info, cudaMajor),
    deviceItem(info),
    ...OPTIONAL_LIBRARIES.map((name) => optionalItem(name, libraries.get(name) ?? null))
  ]
  return { platform, onnxruntime, cudaMajor, items, isUsable: items.every(({ status }) => status !== 'missing') }
}

function cudaMajorOf(libraries: readonly ProviderLibrary[]): number | null {
  const runtime = libraries.flatMap(({ needed }) => needed ?? []).find((name) => name.startsWith('libcudart.so.'))
  return runtime === undefined ? null : Number(runtime.slice('libcudart.so.'.length).split('.')[0])
}

function itemOfProvider({ name, path, needed }: ProviderLibrary): ProviderItem {
  if (path === null) return { what: name, status: 'missing', found: null, advice: `install it: ${INSTALL_COMMAND}` }
  if (needed === null)
    return { what: name, status: 'missing', found: path, advice: `it is not a whole library for linux/x64; install it again: ${INSTALL_COMMAND}` }
  return { what: name, status: 'found', found: path, advice: null }
}

/** Libraries of another version crash: what passes between them is laid out anew in each. */
function versionItem({ providerLibraries, installedVersion, onnxruntime }: ProviderInfo): ProviderItem {
  const what = 'version of both'
  if (providerLibraries.some(({ path }) => path === null))
    return { what, status: 'not_needed', found: null, advice: `${onnxruntime}, that of onnxruntime-node` }
  if (installedVersion === null)
    return { what, status: 'found', found: 'not noted', advice: `make sure that it is ${onnxruntime}; ${INSTALL_COMMAND} installs and notes it` }
  if (installedVersion === onnxruntime) return { what, status: 'found', found: installedVersion, advice: null }
  return { what, status: 'missing', found: installedVersion, advice: `onnxruntime-node is ${onnxruntime}; install that version: ${INSTALL_COMMAND}` }
}

function libraryItem(name: string, path: string | null, cudaMajor: number | null): ProviderItem {
  if (path !== null) return { what: name, status: 'found', found: path, advice: null }
  return { what: name, status: 'missing', found: null, advice: libraryAdvice(name, cudaMajor) }
}

function libraryAdvice(name: string, cudaMajor: number | null): string {
  if (name.startsWith('libcuda.so')) return "it comes with NVIDIA's driver; a container gets it by --gpus all and NVIDIA's container toolkit"
  const pack = PACKAGES.find(([start]) => name.startsWith(start))?.[1]
  if (pack === undefined) return 'a library of the system: install the package that has it'
  return `take an image with CUDA ${cudaMajor ?? ''}, install cuda-libraries-${cudaMajor ?? ''}-0 from NVIDIA, or pip install ${pack} and name its lib folder in LD_LIBRARY_PATH`
}

function driverItem({ driver, devices }: ProviderInfo, cudaMajor: number | null): ProviderItem {
  const what = 'NVIDIA driver'
  // Under WSL and in some sandboxes there is a device without a description of the driver.
  if (driver === null && devices.length > 0) return { what, status: 'found', found: 'version not known', advice: null }
  if (driver === null) return { what, status: 'missing', found: null, advice: 'install the driver on the host; nvidia-smi must work there' }
  const oldest = OLDEST_DRIVER[cudaMajor ?? 0]
  const isOld = oldest !== undefined && Number(driver.split('.')[0]) < oldest
  return {
    what,
    status: 'found',
    found: driver,
    advice: isOld ? `CUDA ${cudaMajor} wants ${oldest} or newer, or NVIDIA's forward-compatibility package` : null
  }
}

function deviceItem({ devices }: ProviderInfo): ProviderItem {
  if (devices.length > 0) return { what: 'GPU', status: 'found', found: devices.join(', '), advice: null }
  return { what: 'GPU', status: 'missing', found: null, advice: 'no /dev/nvidia0 or other; give the container a GPU by --gpus all' }
}

function optionalItem(name: string, path: string | null): ProviderItem {
  if (path !== null) return { what: name, status: 'found', found: path, advice: null }
  return { what: name, status: 'not_needed', found: null, advice: 'only operators that language models seldom have want it' }
}

const MARKS = { found: 'found', missing: 'MISSING', not_needed: 'absent' } as const

/** The report as a table for a person: what, whether it is there, where, and what to do. */
export function renderProviderReport({ platform, onnxruntime, cudaMajor, items, isUsable }: ProviderReport): string {
  const system = items.filter((item) => item.status === 'found' && isOfSystem(item))
  const shown: ProviderItem[] = [...items.filter((item) => !system.includes(item))]
  if (system.length > 0) shown.push({ what: 'libraries of the system', status: 'found', found: `${system.length}`, advice: null })
  const width = Math.max(...shown.map(({ what }) => what.length))
  const lines = shown.map(({ what, status, found, advice }) =>
    [what.padEnd(width), MARKS[status].padEnd(7), found, advice === null ? null : `-> ${advice}`].filter((part) => part !== null).join('  ')
  )
  const wants =
    cudaMajor === null
      ? 'its provider library is not there, so which CUDA it wants is not known'
      : `its provider library wants CUDA ${cudaMajor}; cuDNN 9 is optional`
  const outcome = isUsable ? 'CUDA can be used: nothing is missing (a model was not loaded)' : 'CUDA cannot be used: what is MISSING has to come first'
  return `onnxruntime ${onnxruntime} on ${platform}: ${wants}\n\n${lines.join('\n')}\n\n${outcome}\n`
}

/** The C library and its like, which are not worth a line each. */
function isOfSystem({ what }: ProviderItem): boolean {
  return /\.so\.\d/.test(what) && !/^lib(?:cu|nv)/.test(what)
}
