import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'

/** The folder of a tiny model in test/data/models. */
export function modelFixture(name: string): string {
  return join(PACKAGE_FOLDER, 'test', 'data', 'models', name)
}
