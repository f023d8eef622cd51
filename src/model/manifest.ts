import { lstatSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ServiceError } from '../errors.ts'
import { assertRegularFile, locationFault } from './weights/data-files.ts'
import { type FileHash, hashNamedFiles } from './weights/file-hashes.ts'
import { foreignKind, headOf } from './weights/foreign-file.ts'

const SUMS = 'SHA256SUMS'

/**
 * Compares the files that the model folder's SHA256SUMS lists with those on disk; other files are not checked. Files in
 * `hashed`, by name, are not read again. Returns the hash of SHA256SUMS itself; null when the folder has none.
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
      `${file} has SHA-256 ${found}, and SHA256SUMS of the model folder says ${sha256}: download the file again, or update SHA256SUMS if the change is intended`
    )
  }
  return (await hashNamedFiles([{ file: SUMS, path }]))[0] ?? null
}

async function hashOf(folder: string, file: string): Promise<string | undefined> {
  const fault = locationFault(file)
  if (fault !== null)
    throw new ServiceError('model_invalid', `SHA256SUMS lists ${JSON.stringify(file)}, which ${fault}: it may list only files of its own folder`)
  const path = join(folder, file)
  assertRegularFile(path, `${file}, which SHA256SUMS of the model folder lists,`)
  const [hash] = await hashNamedFiles([{ file, path }])
  return hash?.sha256
}

/** Files that a start reads besides the weights, if the folder has them. */
const READ_FILES = ['config.json', 'genai_config.json', 'tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'canary.json']

interface NamedFile {
  /** Relative to the model folder. */
  readonly file: string
  readonly path: string
}

/** The configuration, tokenizer and known-answer files that a model folder has. */
export function textFilesOf(folder: string): NamedFile[] {
  return READ_FILES.filter((file) => exists(folder, file)).map((file) => ({ file, path: join(folder, file) }))
}

/**
 * Throws `model_invalid` when a text file that a start needs is missing or is not a regular text file. Checks before
 * anything opens the file, because opening a named pipe would block. Accepts a folder that does not exist.
 */
export function assertTextFiles(folder: string): void {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return
  const name = basename(folder)
  if (!exists(folder, 'config.json') && !exists(folder, 'genai_config.json'))
    throw new ServiceError('model_invalid', `${name} has no config.json, which describes the model: download it from where the .onnx file came from`)
  if (!exists(folder, 'tokenizer.json'))
    throw new ServiceError(
      'model_invalid',
      `${name} has no tokenizer.json, which turns text into token ids: download it from where the model came from, or write it with save_pretrained of a fast tokenizer in Python's transformers`
    )
  if (!exists(folder, 'tokenizer_config.json'))
    throw new ServiceError(
      'model_invalid',
      `${name} has no tokenizer_config.json, which names the special tokens and the chat template: download it from where tokenizer.json came from`
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

/** One line per file, in the format of `sha256sum --check`, which escapes line breaks and backslashes in names. */
export function renderSums(files: readonly Sum[]): string {
  return files.map(({ file, sha256 }) => (/[\\\n\r]/.test(file) ? `\\${sha256}  ${escaped(file)}\n` : `${sha256}  ${file}\n`)).join('')
}

/** Parses the output of `sha256sum`, with or without `--tag`. Throws `model_invalid` naming the first invalid line. */
export function parseSums(text: string): Sum[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return []
    const gnu = GNU_LINE.exec(line)
    const bsd = BSD_LINE.exec(line)
    const [mark, sha256, file] = gnu !== null ? [gnu[1], gnu[2], gnu[3]] : [bsd?.[1], bsd?.[3], bsd?.[2]]
    if (sha256 === undefined || file === undefined)
      throw new ServiceError(
        'model_invalid',
        `line ${i + 1} of SHA256SUMS is not a hash, two spaces and a file name: create the file with sha256sum, or remove it`
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
