import { OPTIONAL_LIBRARIES, type ProviderInfo, type ProviderLibrary } from './provider-info.ts'

interface ProviderItem {
  readonly what: string
  /** `not_needed`: absent, and needed only by some models. */
  readonly status: 'found' | 'missing' | 'not_needed'
  /** Path or version; null when nothing was found. */
  readonly found: string | null
  /** What the operator should do; null when nothing. */
  readonly advice: string | null
}

export interface ProviderReport {
  readonly platform: string
  readonly onnxruntime: string
  /** Major CUDA version that the provider library was built for; null when it is not installed. */
  readonly cudaMajor: number | null
  readonly items: readonly ProviderItem[]
  /** Whether nothing is missing. */
  readonly isUsable: boolean
}

export const INSTALL_COMMAND = 'bash scripts/install-cuda-provider.sh'
/** Oldest driver branch by major CUDA version, from NVIDIA's table of driver compatibility. */
const OLDEST_DRIVER: Readonly<Record<number, number>> = { 12: 525, 13: 580 }
/** PyPI package by the prefix of a library's name. From CUDA 13 on, most package names contain no version. */
const PACKAGES: readonly (readonly [string, string])[] = [
  ['libcudart.', 'nvidia-cuda-runtime'],
  ['libcublas', 'nvidia-cublas'],
  ['libcurand.', 'nvidia-curand'],
  ['libcufft.', 'nvidia-cufft'],
  ['libcudnn', 'nvidia-cudnn-cu13'],
  ['libnvrtc.', 'nvidia-cuda-nvrtc']
]

/** Lists each requirement of the CUDA provider: whether it was found, and what to do if not. */
export function providerReport(info: ProviderInfo): ProviderReport {
  const { platform, onnxruntime, providerLibraries, libraries } = info
  const cudaMajor = cudaMajorOf(providerLibraries)
  const needed = [...libraries].filter(([name]) => !OPTIONAL_LIBRARIES.includes(name))
  const items: ProviderItem[] = [
    platform === 'linux/x64'
      ? { what: 'platform', status: 'found', found: platform, advice: null }
      : { what: 'platform', status: 'missing', found: null, advice: `the provider libraries exist for linux/x64; this is ${platform}` },
    ...providerLibraries.map(providerItem),
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

function providerItem({ name, path, needed }: ProviderLibrary): ProviderItem {
  if (path === null) return { what: name, status: 'missing', found: null, advice: `install it: ${INSTALL_COMMAND}` }
  if (needed === null)
    return { what: name, status: 'missing', found: path, advice: `the file is not a complete library for linux/x64; install it again: ${INSTALL_COMMAND}` }
  return { what: name, status: 'found', found: path, advice: null }
}

/**
 * Provider libraries of another onnxruntime version crash, because the interface between them differs in each version.
 */
function versionItem({ providerLibraries, installedVersion, onnxruntime }: ProviderInfo): ProviderItem {
  const what = 'onnxruntime version'
  if (providerLibraries.some(({ path }) => path === null))
    return { what, status: 'not_needed', found: null, advice: `must be ${onnxruntime}, as onnxruntime-node` }
  if (installedVersion === null)
    return { what, status: 'found', found: 'not recorded', advice: `make sure that it is ${onnxruntime}; ${INSTALL_COMMAND} installs and records it` }
  if (installedVersion === onnxruntime) return { what, status: 'found', found: installedVersion, advice: null }
  return { what, status: 'missing', found: installedVersion, advice: `onnxruntime-node is ${onnxruntime}; install that version: ${INSTALL_COMMAND}` }
}

function libraryItem(name: string, path: string | null, cudaMajor: number | null): ProviderItem {
  if (path !== null) return { what: name, status: 'found', found: path, advice: null }
  return { what: name, status: 'missing', found: null, advice: libraryAdvice(name, cudaMajor) }
}

function libraryAdvice(name: string, cudaMajor: number | null): string {
  if (name.startsWith('libcuda.so')) return "it is part of NVIDIA's driver; run the container with --gpus all and NVIDIA's container toolkit"
  const pack = PACKAGES.find(([start]) => name.startsWith(start))?.[1]
  if (pack === undefined) return 'a system library: install the package that contains it'
  return `use an image with CUDA ${cudaMajor ?? ''}, install cuda-libraries-${cudaMajor ?? ''}-0 from NVIDIA, or pip install ${pack} and add its lib folder to LD_LIBRARY_PATH`
}

function driverItem({ driver, devices }: ProviderInfo, cudaMajor: number | null): ProviderItem {
  const what = 'NVIDIA driver'
  // Under WSL and in some sandboxes there is a device but no /proc/driver/nvidia/version.
  if (driver === null && devices.length > 0) return { what, status: 'found', found: 'unknown version', advice: null }
  if (driver === null) return { what, status: 'missing', found: null, advice: 'install the driver on the host; nvidia-smi must work there' }
  const oldest = OLDEST_DRIVER[cudaMajor ?? 0]
  const isOld = oldest !== undefined && Number(driver.split('.')[0]) < oldest
  return {
    what,
    status: 'found',
    found: driver,
    advice: isOld ? `CUDA ${cudaMajor} needs driver ${oldest} or newer, or NVIDIA's forward-compatibility package` : null
  }
}

function deviceItem({ devices }: ProviderInfo): ProviderItem {
  if (devices.length > 0) return { what: 'GPU', status: 'found', found: devices.join(', '), advice: null }
  return { what: 'GPU', status: 'missing', found: null, advice: 'there is no /dev/nvidia device; run the container with --gpus all' }
}

function optionalItem(name: string, path: string | null): ProviderItem {
  if (path !== null) return { what: name, status: 'found', found: path, advice: null }
  return { what: name, status: 'not_needed', found: null, advice: 'only operators that are rare in language models need it' }
}

const MARKS = { found: 'found', missing: 'MISSING', not_needed: 'absent' } as const

/** The report as a table for people: requirement, status, path or version, and advice. */
export function renderProviderReport({ platform, onnxruntime, cudaMajor, items, isUsable }: ProviderReport): string {
  const system = items.filter((item) => item.status === 'found' && isSystemLibrary(item))
  const shown = items.filter((item) => !system.includes(item))
  if (system.length > 0) shown.push({ what: 'system libraries', status: 'found', found: `${system.length}`, advice: null })
  const width = Math.max(...shown.map(({ what }) => what.length))
  const lines = shown.map(({ what, status, found, advice }) =>
    [what.padEnd(width), MARKS[status].padEnd(7), found, advice === null ? null : `-> ${advice}`].filter((part) => part !== null).join('  ')
  )
  const needs =
    cudaMajor === null
      ? 'the provider library is not installed, so the CUDA version that it needs is unknown'
      : `the provider library needs CUDA ${cudaMajor}; cuDNN 9 is optional`
  const outcome = isUsable ? 'CUDA can be used: nothing is missing (no model was loaded to test it)' : 'CUDA cannot be used: install what is MISSING first'
  return `onnxruntime ${onnxruntime} on ${platform}: ${needs}\n\n${lines.join('\n')}\n\n${outcome}\n`
}

/** The C library and similar ones, which the table only counts. */
function isSystemLibrary({ what }: ProviderItem): boolean {
  return /\.so\.\d/.test(what) && !/^lib(?:cu|nv)/.test(what)
}
