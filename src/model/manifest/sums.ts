import { ServiceError } from '../../errors.ts'

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
