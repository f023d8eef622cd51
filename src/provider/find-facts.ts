import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { ONNXRUNTIME_FOLDER, ONNXRUNTIME_VERSION } from '../process/package-info.ts'
import { neededLibraries } from './elf.ts'
import { OPTIONAL_LIBRARIES, type ProviderFacts, type ProviderLibrary, parseDriverVersion, parseLibraryCache } from './provider-facts.ts'

const LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so']
/** What scripts/install-cuda-provider.sh leaves beside them. */
const NOTE = 'libonnxruntime_providers.json'
const DRIVER_LIBRARY = 'libcuda.so.1'
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
export function findProviderFacts(libraryPath: string | undefined, folder = BINDING_FOLDER): ProviderFacts {
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
