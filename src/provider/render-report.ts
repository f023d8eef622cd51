import type { ProviderItem, ProviderReport } from './provider-report.ts'

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
