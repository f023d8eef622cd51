import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { PYTHON, runProgram } from './python.ts'

/** The embedded model as a folder that transformers can load, with the weights of the service. */
export async function writeCheckpoint(folder: string): Promise<void> {
  const script = join(PACKAGE_FOLDER, 'test', 'interop', 'hf_checkpoint.py')
  const { code, stderr } = await runProgram(PYTHON, [script, join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en'), folder])
  if (code !== 0) throw new Error(`hf_checkpoint.py ended with ${code}: ${stderr}`)
}
