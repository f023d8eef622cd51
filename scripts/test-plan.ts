/** Which test files run, and which of them share a process. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'

const SOURCES = join(PACKAGE_FOLDER, 'test')

/** Suites that run only when named: they start whole processes, need tools besides Node.js, or take many minutes. */
const SEPARATE = ['containers', 'e2e', 'interop', 'slow']
/** The comment, followed by a reason, of a file that cannot share its process with others. */
const OWN_PROCESS = /^\/\/ Own process: /m
/** Started first, so that no long process is left for the end. */
const LONGEST_FIRST = ['http', 'faults', 'engine', 'logprob', 'e2e/several-models', 'e2e/cli', 'e2e/resilience', 'e2e/model-files']

/** A process and the files under test/ that run in it, in sequence. */
export interface TestProcess {
  readonly name: string
  readonly files: readonly string[]
}

/**
 * The processes to run, longest first. The files of a folder of test/ share one, because starting a process costs more
 * than the tests of most files. `wanted` names folders and files under test/; if it is empty, all but the separate
 * suites run.
 */
export function plannedProcesses(wanted: readonly string[]): TestProcess[] {
  const names = wanted.map((name) => name.replace(/^test\//, ''))
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts') && isWanted(file, names))
  const processes = new Map<string, string[]>()
  for (const file of files.sort()) {
    const name = processOf(file)
    processes.set(name, [...(processes.get(name) ?? []), file])
  }
  return [...processes].map(([name, members]) => ({ name, files: members })).sort((a, b) => rank(a) - rank(b))
}

function isWanted(file: string, names: readonly string[]): boolean {
  return names.length === 0 ? !SEPARATE.includes(folderOf(file)) : names.some((name) => file.startsWith(name))
}

function processOf(file: string): string {
  const isAlone = SEPARATE.includes(folderOf(file)) || OWN_PROCESS.test(readFileSync(join(SOURCES, file), 'utf8'))
  return isAlone ? file.replace(/\.test\.ts$/, '') : folderOf(file)
}

/** The folder under test/; files directly in test/ count as one. */
function folderOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : 'project'
}

function rank({ name }: TestProcess): number {
  const at = LONGEST_FIRST.findIndex((first) => name.startsWith(first))
  return at === -1 ? LONGEST_FIRST.length : at
}
