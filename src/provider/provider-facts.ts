/** What was found of the libraries, the driver and the devices that the CUDA execution provider needs. */
export interface ProviderFacts {
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

/** Opened when a model has an operator for it, and not before: convolutions, Fourier transforms, kernels compiled at run time. */
export const OPTIONAL_LIBRARIES = ['libcudnn.so.9', 'libcufft.so.12', 'libnvrtc.so.13']

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
