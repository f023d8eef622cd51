import assert from 'node:assert/strict'
import { test } from 'node:test'
import { structureOf } from '../scripts/structure.ts'
import { tempFolder } from './support/temp-folder.ts'

test('structureOf counts files, rooms, floors, arrows and loops from the imports', (t) => {
  const files = {
    'main.ts': "import { a } from './top/a.ts'\nimport('./base/deep/c.ts')\n",
    'top/a.ts': "import type { B } from '../base/b.ts'\n",
    'base/b.ts': "import {\n  type C\n} from './deep/c.ts'\n",
    'base/deep/c.ts': "export type { B } from '../b.ts'\n\n\n"
  }
  assert.deepEqual(structureOf(tempFolder(t, files)), {
    files: 4,
    lines: 9,
    medianLines: 3,
    largest: { file: 'base/deep/c.ts', lines: 3 },
    smallFiles: 4,
    rooms: 4,
    floors: 3,
    arrows: 5,
    loops: [['base', 'base/deep']]
  })
})
