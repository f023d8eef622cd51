/** Which test files run, and which of them share a process. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../src/process/package-info.ts'

const SOURCES = join(PACKAGE_FOLDER, 'test')

/** Suites with commands of their own, left out unless they are named: whole processes, tools beside Node, many minutes. */
const SEPARATE = ['e2e', 'interop', 'slow']
/** What a file says, with the reason, when it cannot share its process with others. */
const OWN_PROCESS = /^\/\/ Own process: /m
/** Begun first, so that nothing long is left for the end. */
const LONGEST_FIRST = ['http', 'faults', 'engine', 'logprob', 'e2e/several-models', 'e2e/cli', 'e2e/resilience', 'e2e/model-files']

/** A process and the files under test/ that run in it, one after another. */
export interface TestProcess {
  readonly name: string
  readonly files: readonly string[]
}

/**
 * The processes to run, first those that take longest. The files of a folder of test/ share one: a process costs more than the tests of
 * most files. `wanted` names folders and files under test/; with none of them, all run but the separate suites.
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
