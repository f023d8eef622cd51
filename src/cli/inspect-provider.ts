import { findProviderFacts } from '../provider/find-facts.ts'
import { providerReport } from '../provider/provider-report.ts'
import { renderProviderReport } from '../provider/render-report.ts'

/** `logpr inspect --provider true`: what CUDA needs here and what of it is missing. Exit code 1 when something is. */
export function inspectProvider(isJson: boolean, env: NodeJS.ProcessEnv): number {
  const report = providerReport(findProviderFacts(env.LD_LIBRARY_PATH))
  const { platform, onnxruntime, cudaMajor, items, isUsable } = report
  const json = { platform, onnxruntime, cuda_major: cudaMajor, is_usable: isUsable, items }
  process.stdout.write(isJson ? `${JSON.stringify(json, null, 2)}\n` : renderProviderReport(report))
  return report.isUsable ? 0 : 1
}
