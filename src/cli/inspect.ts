import { ServiceError } from '../errors.ts'
import { renderJson, renderText, reportOn } from '../inspect/report.ts'
import { openModel } from '../model/open-model.ts'
import { formHere } from '../model/precision/eight-bit-form.ts'
import { findRoundedFile } from '../model/precision/prepare.ts'
import { precisionFolder } from '../model/precision/rounded-file.ts'
import { findProviderInfo } from '../provider/provider-info.ts'
import { providerReport, renderProviderReport } from '../provider/provider-report.ts'
import { COMMANDS } from './commands.ts'
import { locateWithProgress } from './model-locator.ts'
import { modelOf, readArguments } from './read-arguments.ts'

/** `logpr inspect`: describes a model and how logpr would serve it, without loading its weights. */
export async function inspect(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const loaded = readArguments(COMMANDS.inspect, argv, env)
  const { config, own, positionals } = loaded
  if (own.provider && positionals.length > 0)
    throw new ServiceError('configuration_invalid', '--provider describes this machine, not a model: leave out the model, or --provider')
  if (own.provider) return inspectProvider(own.json ?? false, env)
  const located = await locateWithProgress(modelOf(loaded, argv), config, env, process.stderr)
  const roundedFile =
    config.PRECISION === 'auto'
      ? null
      : await findRoundedFile(openModel(located.folder, { dtype: config.DTYPE }), { form: formHere(), folder: precisionFolder(env) })
  const sections = reportOn(located, config, roundedFile)
  process.stdout.write(own.json ? renderJson(sections) : renderText(sections))
  return 0
}

/**
 * `logpr inspect --provider`: lists what CUDA needs on this machine. The exit code is 1 when something is missing.
 */
function inspectProvider(isJson: boolean, env: NodeJS.ProcessEnv): number {
  const report = providerReport(findProviderInfo(env.LD_LIBRARY_PATH))
  const { platform, onnxruntime, cudaMajor, items, isUsable } = report
  const json = { platform, onnxruntime, cuda_major: cudaMajor, is_usable: isUsable, items }
  process.stdout.write(isJson ? `${JSON.stringify(json, null, 2)}\n` : renderProviderReport(report))
  return report.isUsable ? 0 : 1
}
