import { lstatSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ServiceError } from '../errors.ts'
import { assertRegularFile, locationFault } from './weights/data-files.ts'
import { type FileHash, hashNamedFiles } from './weights/file-hashes.ts'
import { foreignKind, headOf } from './weights/foreign-file.ts'

const SUMS = 'SHA256SUMS'

/**
 * Compares the files that SHA256SUMS of a model folder lists with what is there; files that it does not list are free. Those in
 * `hashed`, by name, are not read again. Gives the hash of SHA256SUMS itself, null when the folder has none.
 *
 * Throws `model_invalid` naming the first file that is missing or has another hash.
 */
export async function verifySums(folder: string, hashed: readonly FileHash[]): Promise<FileHash | null> {
  const path = join(folder, SUMS)
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null
  assertRegularFile(path, SUMS)
  const sums = parseSums(readFileSync(path, 'utf8'))
  const known = new Map(hashed.map(({ file, sha256 }) => [file, sha256]))
  for (const { file, sha256 } of sums) {
    const found = known.get(file) ?? (await hashOf(folder, file))
    if (found === sha256) continue
    throw new ServiceError(
      'model_invalid',
      `${file} has SHA-256 ${found}, and SHA256SUMS of the model folder says ${sha256}: download it again, or write SHA256SUMS again if the change is meant`
    )
  }
  return (await hashNamedFiles([{ file: SUMS, path }]))[0] ?? null
}

async function hashOf(folder: string, file: string): Promise<string | undefined> {
  const fault = locationFault(file)
  if (fault !== null)
    throw new ServiceError('model_invalid', `SHA256SUMS lists ${JSON.stringify(file)}, which ${fault}: it may list files of its own folder alone`)
  const path = join(folder, file)
  assertRegularFile(path, `${file}, which SHA256SUMS of the model folder lists,`)
  const [hash] = await hashNamedFiles([{ file, path }])
  return hash?.sha256
}

/** What a start reads besides the weights, where the folder has it. */
const READ_FILES = ['config.json', 'genai_config.json', 'tokenizer.json', 'tokenizer_config.json', 'canary.json']

interface NamedFile {
  /** In the model folder. */
  readonly file: string
  readonly path: string
}

/** The configuration, tokenizer and known answers of a model folder, as far as it has them. */
export function textFilesOf(folder: string): NamedFile[] {
  return READ_FILES.filter((file) => exists(folder, file)).map((file) => ({ file, path: join(folder, file) }))
}

/**
 * Throws `model_invalid` when a file that a start needs is missing, or is something that cannot be read as text: before
 * anything opens it, as a named pipe would hold up whoever does. A folder that is not there is none of its business.
 */
export function assertTextFiles(folder: string): void {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return
  const name = basename(folder)
  if (!exists(folder, 'config.json') && !exists(folder, 'genai_config.json'))
    throw new ServiceError('model_invalid', `${name} has no config.json, which says what the model is: download it from where the .onnx file came from`)
  if (!exists(folder, 'tokenizer.json'))
    throw new ServiceError(
      'model_invalid',
      `${name} has no tokenizer.json, which turns text into token ids: download it from where the model came from, or write it with save_pretrained of a fast tokenizer in Python's transformers`
    )
  for (const { file, path } of textFilesOf(folder)) {
    assertRegularFile(path, `${name}/${file}`)
    const foreign = foreignKind(headOf(path))
    if (foreign !== null) throw new ServiceError('model_invalid', `${name}/${file} ${foreign}`)
  }
}

function exists(folder: string, file: string): boolean {
  return lstatSync(join(folder, file), { throwIfNoEntry: false }) !== undefined
}

/** A line of a SHA256SUMS file. */
export interface Sum {
  readonly file: string
  /** 64 hexadecimal digits, lower case. */
  readonly sha256: string
}

const GNU_LINE = /^(\\?)([0-9a-f]{64}) [ *](.+)$/i
const BSD_LINE = /^(\\?)SHA256 \((.+)\) = ([0-9a-f]{64})$/i

/** Lines that `sha256sum --check` reads, one a file. A name with a line break or a backslash is escaped as it does. */
export function renderSums(files: readonly Sum[]): string {
  return files.map(({ file, sha256 }) => (/[\\\n\r]/.test(file) ? `\\${sha256}  ${escaped(file)}\n` : `${sha256}  ${file}\n`)).join('')
}

/** Reads what `sha256sum` writes, with or without `--tag`. Throws `model_invalid` with the number of a line that is neither. */
export function parseSums(text: string): Sum[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return []
    const gnu = GNU_LINE.exec(line)
    const bsd = BSD_LINE.exec(line)
    const [mark, sha256, file] = gnu !== null ? [gnu[1], gnu[2], gnu[3]] : [bsd?.[1], bsd?.[3], bsd?.[2]]
    if (sha256 === undefined || file === undefined)
      throw new ServiceError(
        'model_invalid',
        `line ${i + 1} of SHA256SUMS is not a hash, two spaces and a file name: write the file with sha256sum, or remove it`
      )
    return [{ file: (mark === '\\' ? unescaped(file) : file).replace(/^\.\//, ''), sha256: sha256.toLowerCase() }]
  })
}

function escaped(file: string): string {
  return file.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
}

function unescaped(file: string): string {
  return file.replace(/\\([\\nr])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter === 'r' ? '\r' : '\\'))
}
