import { execFileSync } from 'node:child_process'
import { cpSync, linkSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openGraph } from '../../../src/model/weights/open-graph.ts'
import { PACKAGE_FOLDER } from '../../../src/process/package-info.ts'
import { externalModelFiles, type HeadEntries, refusalOf } from '../../support/external-data.ts'
import { overwrite } from '../../support/file-changes.ts'
import { present } from '../../support/present.ts'
import { endOfStart, MAIN } from '../../support/running-service.ts'
import type { Measured, ServicePromise } from '../promise.ts'

const EMBEDDED = join(PACKAGE_FOLDER, 'models', 'logpr-tiny-en')

/** Flips one bit in the middle of a file. */
function flipBit(path: string): void {
  const bytes = readFileSync(path)
  const at = Math.floor(bytes.length / 2)
  overwrite(path, Buffer.of(present(bytes[at]) ^ 1), at)
}

/** Whether a start with one flipped bit in `file` ends with exit code 2 and a reason. */
async function isRefused(file: string, hasSums: boolean): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'logpr-promise-'))
  try {
    cpSync(EMBEDDED, folder, { recursive: true })
    if (hasSums) writeFileSync(join(folder, 'SHA256SUMS'), execFileSync(process.execPath, [MAIN, 'manifest', folder]))
    flipBit(join(folder, file))
    const { code, output } = await endOfStart({ LOGPR_MODEL: folder })
    return code === 2 && /cannot be (?:served|read)|SHA256SUMS/.test(output)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Locations of data outside the model, each of which must be refused when the graph is read. */
const LOCATIONS: Readonly<Record<string, HeadEntries>> = {
  'a parent folder': { location: '../model.onnx_data_1' },
  'a parent folder behind a folder': { location: 'a/../../model.onnx_data_1' },
  'an absolute path': { location: '/etc/passwd' },
  'a URL': { location: 'file:///etc/passwd' },
  'a NUL': { location: 'model.onnx_data_1\0' },
  'a missing file': { location: 'other' },
  'a length beyond the file': { length: '999999' },
  'an offset beyond the file': { offset: '999999' },
  'a negative offset': { offset: '-4' }
}

function refusedLocations(): string[] {
  const accepted: string[] = []
  const check = (name: string, head: HeadEntries, prepare: (folder: string) => void = () => undefined): void => {
    const folder = mkdtempSync(join(tmpdir(), 'logpr-promise-'))
    for (const [file, content] of Object.entries(externalModelFiles(head))) writeFileSync(join(folder, file), content)
    prepare(folder)
    try {
      if (refusalOf(() => openGraph({ onnxPath: join(folder, 'model.onnx') })).code !== 'model_invalid') accepted.push(name)
    } catch {
      accepted.push(name)
    }
    rmSync(folder, { recursive: true, force: true })
  }
  for (const [name, head] of Object.entries(LOCATIONS)) check(name, head)
  const data = 'model.onnx_data_1'
  const outside = mkdtempSync(join(tmpdir(), 'logpr-promise-'))
  check('a hard link', {}, (folder) => linkSync(join(folder, data), join(outside, 'name')))
  check('a link out of the folder', {}, (folder) => {
    renameSync(join(folder, data), join(outside, data))
    execFileSync('ln', ['-s', join(outside, data), join(folder, data)])
  })
  rmSync(outside, { recursive: true, force: true })
  return accepted
}

async function measure(): Promise<Measured> {
  const files = readdirSync(EMBEDDED).filter((file) => /\.(?:onnx|json)$/.test(file) && file !== 'generation_config.json')
  const accepted: string[] = []
  for (const file of files) if (!(await isRefused(file, true))) accepted.push(file)
  if (!(await isRefused('model.onnx', false))) accepted.push('model.onnx without SHA256SUMS')
  const locations = refusedLocations()
  return {
    isKept: accepted.length === 0 && locations.length === 0,
    measured:
      `one flipped bit: ${files.length - accepted.length} of ${files.length} files refused with SHA256SUMS${accepted.length === 0 ? ', the weights also by canary.json alone' : ` (not ${accepted.join(', ')})`}; ` +
      `external data: ${Object.keys(LOCATIONS).length + 2 - locations.length} of ${Object.keys(LOCATIONS).length + 2} refused${locations.length === 0 ? '' : ` (not ${locations.join(', ')})`}`
  }
}

export const promises: readonly ServicePromise[] = [
  {
    id: 'G4',
    claim: 'A model whose files differ from its SHA256SUMS, or whose graph names data outside its folder, is not served.',
    target:
      'one flipped bit in each file that a start reads; paths, URLs, links and hard links as external data: 100 % refused with the reason before a request is scored',
    measure
  }
]
