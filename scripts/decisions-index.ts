import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'

const FOLDER = join(PACKAGE_FOLDER, 'docs', 'decisions')
/** A record is named `0001-some-words.md` and starts with `# 0001 Its title`. */
const RECORD = /^\d{4}-.*\.md$/
const HEADING = /^# (\d{4}) (.*)$/m

/** The table of docs/decisions/README.md: number and title of each record. */
export function decisionsIndex(): string {
  const rows = readdirSync(FOLDER)
    .filter((file) => RECORD.test(file))
    .sort()
    .map((file) => {
      const [, number, title] = HEADING.exec(readFileSync(join(FOLDER, file), 'utf8')) ?? []
      if (number === undefined || title === undefined) throw new Error(`docs/decisions/${file} does not begin with "# NUMBER TITLE"`)
      return `| [${number}](${file}) | ${title} |`
    })
  return ['| record | decision |', '|---|---|', ...rows].join('\n')
}
