import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { present } from '../../support/present.ts'
import { MAIN } from '../../support/running-service.ts'
import { type Finished, PYTHON, runProgram } from './python.ts'

type Kind = 'file' | 'run' | 'serve'
type Language = 'bash' | 'python' | 'ts'

/** A code block of a guide with a marker in front of it: `<!-- KIND: NAME needs: MODULE, ... -->`. */
export interface GuideStep {
  readonly kind: Kind
  /** Of a file its path in the reader's folder. */
  readonly name: string
  /** Python modules that must be installed. */
  readonly needs: readonly string[]
  readonly language: string
  readonly code: string
  /** What the page says that the step prints. */
  readonly output: string | null
}

const STEP = /^<!-- (file|run|serve): (\S+)(?: needs: ([^>]+?))? -->\n```(\w+)\n(.*?)^```\n(?:[^`#]*?^<!-- output -->\n```text\n(.*?)^```)?/gms

export function guideSteps(page: string): GuideStep[] {
  return [...page.matchAll(STEP)].map(([, kind, name = '', needs, language = '', code = '', output = null]) => ({
    kind: kind as Kind,
    name,
    needs: needs?.split(', ') ?? [],
    language,
    code,
    output
  }))
}

export function writeStepFile(folder: string, { name, code }: GuideStep): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), code)
}

/** Writes commands that start this build under the names that a reader types; returns the folder for PATH. */
export function writeCommands(folder: string): string {
  const bin = join(folder, '.bin')
  mkdirSync(bin)
  const node = `exec "${process.execPath}" "${MAIN}" "$@"`
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\n[ "$1" = logpr ] && shift && ${node}\n`, { mode: 0o755 })
  return bin
}

/** Runs a program in the reader's folder, unchanged except for the address of the service. */
export async function runStep(folder: string, { language, name, code }: GuideStep, url: string): Promise<Finished> {
  const extension = { bash: 'sh', python: 'py', ts: 'mts' }[language as Language]
  const file = join(folder, `${name}.${extension}`)
  writeFileSync(file, code.replaceAll('http://127.0.0.1:8080', url))
  const path = `${join(folder, '.bin')}${delimiter}${dirname(PYTHON)}${delimiter}${process.env.PATH}`
  const inFolder = (program: string, args: readonly string[]): Promise<Finished> => runProgram(program, args, { PATH: path, HF_HOME: folder }, folder)
  if (language === 'bash') return inFolder('bash', ['-euo', 'pipefail', file])
  if (language === 'python') return inFolder(PYTHON, ['-W', 'ignore', file])
  const compiled = await inFolder(join(PACKAGE_FOLDER, 'node_modules', '.bin', 'tsc'), [
    ...['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'],
    ...['--typeRoots', join(PACKAGE_FOLDER, 'node_modules', '@types'), file]
  ])
  return compiled.code === 0 ? inFolder(process.execPath, [file.replace(/mts$/, 'mjs')]) : compiled
}

const NUMBER = /-?\d+(?:\.\d+)?/g

/**
 * Whether a line of the page is what was printed. `...` stands for any text. The last digit of a number may differ by
 * one, since processors and batches differ in float32.
 */
function isSameLine(shown: string, printed: string): boolean {
  const pattern = shown
    .trim()
    .split('...')
    .map((part) =>
      part
        .split(NUMBER)
        .map((text) => text.trim().split(/\s+/).map(escaped).join('\\s+'))
        .join('\\s*(-?\\d+(?:\\.\\d+)?)\\s*')
    )
  const found = new RegExp(`^${pattern.join('.*?')}$`).exec(printed.trim())
  const wanted = shown.match(NUMBER) ?? []
  return found !== null && wanted.every((number, i) => isNear(number, present(found[i + 1])))
}

function isNear(shown: string, printed: string): boolean {
  const decimals = shown.split('.')[1]?.length ?? 0
  return decimals === 0 ? shown === printed : Math.abs(Number(shown) - Number(printed)) < 1.5 * 10 ** -decimals
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Whether the lines of a page are among the printed ones, in one piece. */
export function isPrinted(shown: string, printed: string): boolean {
  const wanted = shown.trimEnd().split('\n')
  const lines = printed.split('\n')
  return lines.some((_, start) => wanted.every((line, i) => isSameLine(line, lines[start + i] ?? '')))
}
