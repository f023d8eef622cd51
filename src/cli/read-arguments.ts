import { unknownVariables } from '../config/environment.ts'
import { type LoadedConfig, loadConfig } from '../config/load-config.ts'
import type { CommandFlag } from '../config/option-schema.ts'
import { ServiceError } from '../errors.ts'
import type { CommandSpec } from './commands.ts'

/** `loadConfig` for a command that writes warnings as text to standard error. */
export function readArguments<const Flags extends Readonly<Record<string, CommandFlag>>>(
  spec: CommandSpec<Flags>,
  argv: readonly string[],
  env: NodeJS.ProcessEnv
): LoadedConfig<Flags> {
  const loaded = loadConfig(argv, env, spec)
  for (const warning of unknownVariables(env)) process.stderr.write(`logpr: warning: ${warning}\n`)
  return loaded
}

/** The one model of a command: its operand, or that of `--model`. Throws `configuration_invalid` if both are given. */
export function modelOf(
  { positionals: [operand], given, config }: Pick<LoadedConfig<never>, 'positionals' | 'given' | 'config'>,
  argv: readonly string[]
): string {
  const isFlag = given.has('MODEL') && argv.some((argument) => /^--model(?:=|$)/.test(argument))
  if (operand !== undefined && isFlag) throw new ServiceError('configuration_invalid', 'a model is given twice, as an argument and by --model; give it once')
  return operand ?? config.MODEL
}
