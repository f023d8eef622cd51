import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { type Finished, PYTHON, runProgram } from './python.ts'

/** A program of a page: `<!-- run: NAME needs: MODULE, ... -->` and the code block after it. */
export interface PageBlock {
  readonly name: string
  readonly language: 'bash' | 'python' | 'js'
  /** Python modules that must be installed. */
  readonly needs: readonly string[]
  readonly code: string
}

const BLOCK = /^<!-- run: (\S+)(?: needs: ([^>]+?))? -->\n```(bash|python|js)\n(.*?)^```/gms
/** What the commands of a page stand on when they name no module. */
const LM_EVAL = ['lm_eval', 'torch']

export function pageBlocks(page: string): PageBlock[] {
  return [...page.matchAll(BLOCK)].map(([, name = '', needs, language, code = '']) => ({
    name,
    language: language as PageBlock['language'],
    needs: needs?.split(', ') ?? (language === 'bash' ? LM_EVAL : []),
    code
  }))
}

/** Runs a program unchanged except for the address of the service. */
export async function runBlock({ language, code }: PageBlock, url: string): Promise<Finished> {
  // In the package's folder, where Node's import finds its dependencies.
  const folder = mkdtempSync(join(language === 'js' ? join(PACKAGE_FOLDER, 'dist') : tmpdir(), 'logpr-page-'))
  const file = join(folder, language === 'js' ? 'program.mjs' : 'program')
  writeFileSync(file, code.replaceAll('http://127.0.0.1:8080', url))
  const command = { bash: 'bash', python: PYTHON, js: process.execPath }[language]
  try {
    return await runProgram(command, [file], { HF_HOME: folder, INSPECT_LOG_DIR: join(folder, 'logs') })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
