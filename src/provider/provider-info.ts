import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { ONNXRUNTIME_FOLDER, ONNXRUNTIME_VERSION } from '../process/package-info.ts'
import { neededLibraries } from './elf.ts'

/** Libraries, driver and devices found for the CUDA execution provider. */
export interface ProviderInfo {
  /** `linux/x64` */
  readonly platform: string
  /** Version of onnxruntime-node. */
  readonly onnxruntime: string
  /** Folder of onnxruntime's own library, where it also looks for its provider libraries. */
  readonly folder: string
  readonly providerLibraries: readonly ProviderLibrary[]
  /**
   * Version of onnxruntime that the provider libraries were installed for; null when the installation did not record
   * it.
   */
  readonly installedVersion: string | null
  /** Path of each needed or optional library by name; null when the loader would not find it. */
  readonly libraries: ReadonlyMap<string, string | null>
  /** Version of the NVIDIA kernel driver, such as `580.65.06`; null without one. */
  readonly driver: string | null
  readonly devices: readonly string[]
}

export interface ProviderLibrary {
  readonly name: string
  /** Null when the file does not exist. */
  readonly path: string | null
  /** Names of the libraries that it needs; null when it is not a complete library for this platform. */
  readonly needed: readonly string[] | null
}

const LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so']
/** Written by scripts/install-cuda-provider.sh. */
const INSTALLATION_RECORD = 'libonnxruntime_providers.json'
const DRIVER_LIBRARY = 'libcuda.so.1'
/**
 * Loaded only when a model has an operator that needs it: convolutions, Fourier transforms, kernels compiled at run
 * time.
 */
export const OPTIONAL_LIBRARIES = ['libcudnn.so.9', 'libcufft.so.12', 'libnvrtc.so.13']
/** Default search path of the loader. */
const DEFAULT_FOLDERS = ['/lib64', '/usr/lib64', '/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib', '/usr/lib']

/** Folder of onnxruntime-node's native libraries for this platform. */
export const BINDING_FOLDER = join(ONNXRUNTIME_FOLDER, 'bin', 'napi-v6', process.platform, process.arch)

/** Whether the CUDA provider libraries are installed; a cheap check before `findProviderInfo`. */
export function hasCudaProvider(folder = BINDING_FOLDER): boolean {
  return LIBRARIES.every((name) => existsSync(join(folder, name)))
}

/**
 * Looks for everything that the CUDA provider needs. It loads no library and runs only `ldconfig -p`. `libraryPath` is
 * LD_LIBRARY_PATH.
 */
export function findProviderInfo(libraryPath: string | undefined, folder = BINDING_FOLDER): ProviderInfo {
  const providerLibraries = LIBRARIES.map((name) => providerLibrary(folder, name))
  const own = new Set(LIBRARIES)
  const names = [...providerLibraries.flatMap(({ needed }) => needed ?? []), DRIVER_LIBRARY, ...OPTIONAL_LIBRARIES].filter((name) => !own.has(name))
  const cache = parseLibraryCache(readLibraryCache())
  const folders = (libraryPath ?? '').split(/[:;]/).filter((each) => each !== '')
  return {
    platform: `${process.platform}/${process.arch}`,
    onnxruntime: ONNXRUNTIME_VERSION,
    folder,
    providerLibraries,
    installedVersion: recordedVersion(folder),
    libraries: new Map([...new Set(names)].map((name) => [name, inFolders(name, folders) ?? cache.get(name) ?? inFolders(name, DEFAULT_FOLDERS)])),
    driver: parseDriverVersion(textOf('/proc/driver/nvidia/version')),
    devices: devices()
  }
}

function providerLibrary(folder: string, name: string): ProviderLibrary {
  const path = join(folder, name)
  return existsSync(path) ? { name, path, needed: neededBy(path) } : { name, path: null, needed: [] }
}

function neededBy(path: string): string[] | null {
  const file = openSync(path, 'r')
  try {
    return neededLibraries((offset, length) => {
      const bytes = Buffer.alloc(length)
      return bytes.subarray(0, readSync(file, bytes, 0, length, offset))
    })
  } catch {
    // A damaged file: a table refers to bytes outside it.
    return null
  } finally {
    closeSync(file)
  }
}

function inFolders(name: string, folders: readonly string[]): string | null {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

function readLibraryCache(): string {
  if (process.platform !== 'linux') return ''
  for (const command of ['/sbin/ldconfig', '/usr/sbin/ldconfig', 'ldconfig']) {
    try {
      return execFileSync(command, ['-p'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 })
    } catch {
      // Images without ldconfig have their libraries in the default folders.
    }
  }
  return ''
}

/** /dev/nvidia0, /dev/nvidia1, ...; under WSL the GPU is /dev/dxg. */
function devices(): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/dev')
    .filter((name) => /^(?:nvidia\d+|dxg)$/.test(name))
    .map((name) => `/dev/${name}`)
}

function recordedVersion(folder: string): string | null {
  try {
    const { onnxruntime } = JSON.parse(textOf(join(folder, INSTALLATION_RECORD))) as { onnxruntime?: unknown }
    return typeof onnxruntime === 'string' ? onnxruntime : null
  } catch {
    return null
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Paths by name of the x86-64 libraries in the output of `ldconfig -p`. The loader uses the first path of a name. */
export function parseLibraryCache(printed: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [, name, path] of printed.matchAll(/^\s*(\S+) \([^)]*x86-64[^)]*\) => (\S.*)$/gm))
    if (name !== undefined && path !== undefined && !found.has(name)) found.set(name, path)
  return found
}

/** The version in /proc/driver/nvidia/version of the proprietary or the open kernel module; null when there is none. */
export function parseDriverVersion(text: string): string | null {
  return /^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s/m.exec(text)?.[1] ?? null
}
