import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../../src/process/package-info.ts'
import { present } from './present.ts'

/** The text of a project file. */
export function readPage(path: string): string {
  return readFileSync(join(PACKAGE_FOLDER, path), 'utf8')
}

/** Contents of the fenced code blocks of a language, in order. */
export function codeBlocks(page: string, language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(?<block>.*?)^\`\`\``, 'gms'))].map(({ groups }) => present(groups?.block))
}

/** The examples of a page that send requests to the service. */
export function curlBlocks(path: string): string[] {
  return codeBlocks(readPage(path), 'bash').filter((text) => text.startsWith('curl'))
}
