/** Writes every generated page: `npm run docs`. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'
import { generatedPages } from './generated-pages.ts'

for (const [path, content] of await generatedPages()) {
  writeFileSync(join(PACKAGE_FOLDER, path), content)
  process.stdout.write(`wrote ${path}\n`)
}
