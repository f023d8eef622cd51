import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { ONNXRUNTIME_FOLDER, ONNXRUNTIME_VERSION } from '../process/package-info.ts'
import { neededLibraries } from './elf.ts'

/** What was found of the libraries, the driver and the devices that the CUDA execution provider needs. */
export interface ProviderInfo {
  /** `linux/x64` */
  readonly platform: string
  /** Version of onnxruntime-node. */
  readonly onnxruntime: string
  /** Where onnxruntime looks for its provider libraries: beside its own. */
  readonly folder: string
  readonly providerLibraries: readonly ProviderLibrary[]
  /** Version of onnxruntime that the provider libraries belong to, as the installation noted it; null when it did not. */
  readonly installedVersion: string | null
  /** Path of each shared library by name; null when the loader would not find it. */
  readonly libraries: ReadonlyMap<string, string | null>
  /** Of the NVIDIA kernel driver: `580.65.06`; null without one. */
  readonly driver: string | null
  readonly devices: readonly string[]
}

export interface ProviderLibrary {
  readonly name: string
  /** Null when it is not in the folder. */
  readonly path: string | null
  /** Libraries that it asks for by name; null when it is not a library for this platform. */
  readonly needed: readonly string[] | null
}

const LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so']
/** What scripts/install-cuda-provider.sh leaves beside them. */
const NOTE = 'libonnxruntime_providers.json'
const DRIVER_LIBRARY = 'libcuda.so.1'
/** Opened when a model has an operator for it, and not before: convolutions, Fourier transforms, kernels compiled at run time. */
export const OPTIONAL_LIBRARIES = ['libcudnn.so.9', 'libcufft.so.12', 'libnvrtc.so.13']
/** Where the loader looks without being told. */
const DEFAULT_FOLDERS = ['/lib64', '/usr/lib64', '/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib', '/usr/lib']

/** Where onnxruntime-node has its native libraries on this platform. */
export const BINDING_FOLDER = join(ONNXRUNTIME_FOLDER, 'bin', 'napi-v6', process.platform, process.arch)

/** Whether the CUDA provider library is there at all: the first thing to know, for the price of one look. */
export function hasCudaProvider(folder = BINDING_FOLDER): boolean {
  return LIBRARIES.every((name) => existsSync(join(folder, name)))
}

/**
 * Looks for all that the CUDA provider needs. Loads no library and runs nothing but `ldconfig -p`. `libraryPath` is
 * LD_LIBRARY_PATH.
 */
export function findProviderInfo(libraryPath: string | undefined, folder = BINDING_FOLDER): ProviderInfo {
  const providerLibraries = LIBRARIES.map((name) => providerLibrary(folder, name))
  const own = new Set(LIBRARIES)
  const names = [...providerLibraries.flatMap(({ needed }) => needed ?? []), DRIVER_LIBRARY, ...OPTIONAL_LIBRARIES].filter((name) => !own.has(name))
  const cache = parseLibraryCache(printedCache())
  const folders = [...(libraryPath ?? '').split(/[:;]/).filter((each) => each !== '')]
  return {
    platform: `${process.platform}/${process.arch}`,
    onnxruntime: ONNXRUNTIME_VERSION,
    folder,
    providerLibraries,
    installedVersion: notedVersion(folder),
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
    // A table that points out of the file: damaged.
    return null
  } finally {
    closeSync(file)
  }
}

function inFolders(name: string, folders: readonly string[]): string | null {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

function printedCache(): string {
  if (process.platform !== 'linux') return ''
  for (const command of ['/sbin/ldconfig', '/usr/sbin/ldconfig', 'ldconfig']) {
    try {
      return execFileSync(command, ['-p'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 })
    } catch {
      // Images without it have their libraries in the default folders.
    }
  }
  return ''
}

/** /dev/nvidia0 and so on; /dev/dxg is the GPU under WSL. */
function devices(): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/dev')
    .filter((name) => /^(?:nvidia\d+|dxg)$/.test(name))
    .map((name) => `/dev/${name}`)
}

function notedVersion(folder: string): string | null {
  try {
    const { onnxruntime } = JSON.parse(textOf(join(folder, NOTE))) as { onnxruntime?: unknown }
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

/** Names and paths in what `ldconfig -p` prints, of libraries for x86-64; the first of a name is the one that is taken. */
export function parseLibraryCache(printed: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [, name, path] of printed.matchAll(/^\s*(\S+) \([^)]*x86-64[^)]*\) => (\S.*)$/gm))
    if (name !== undefined && path !== undefined && !found.has(name)) found.set(name, path)
  return found
}

/** The version in /proc/driver/nvidia/version, of the proprietary and the open kernel module; null when there is none. */
export function parseDriverVersion(text: string): string | null {
  return /^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s/m.exec(text)?.[1] ?? null
}
