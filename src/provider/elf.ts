/** Reads `length` bytes of a file from `offset`, or fewer at its end. */
export type ReadAt = (offset: number, length: number) => Buffer

const HEADER_BYTES = 64
const SEGMENT_COUNT_AT = 56
const CLASS_64 = 2
const LITTLE_ENDIAN = 1
const PT_LOAD = 1
const PT_DYNAMIC = 2
const DT_NEEDED = 1n
const DT_STRTAB = 5n
const DT_STRSZ = 10n
const MAX_STRINGS = 1 << 24

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: bigint
  readonly size: number
}

/**
 * The names of the shared libraries that a 64-bit little-endian ELF file needs (DT_NEEDED), in file order. Null when
 * the file is not one, or is truncated. Reads a few kilobytes. `ldd` is no alternative: slim images lack it, it runs
 * the loader on the file, and it lists indirect dependencies too. Format: System V ABI, chapters 4 and 5.
 */
export function neededLibraries(readAt: ReadAt): string[] | null {
  const header = readAt(0, HEADER_BYTES)
  const isElf64 = header.length === HEADER_BYTES && header.toString('latin1', 0, 4) === '\x7fELF' && header[4] === CLASS_64 && header[5] === LITTLE_ENDIAN
  if (!isElf64) return null
  const segments = readSegments(readAt, header)
  // Loading a truncated file would end the process with SIGBUS.
  const isTruncated = ({ type, offset, size }: Segment): boolean => type === PT_LOAD && size > 0 && readAt(offset + size - 1, 1).length === 0
  if (segments.length < header.readUInt16LE(SEGMENT_COUNT_AT) || segments.some(isTruncated)) return null
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC)
  if (dynamic === undefined) return []

  const entries = readEntries(readAt(dynamic.offset, dynamic.size))
  const valueAt = (tag: bigint): bigint | undefined => entries.find(([each]) => each === tag)?.[1]
  const tableAt = offsetOf(valueAt(DT_STRTAB) ?? 0n, segments)
  if (tableAt === null) return null
  const strings = readAt(tableAt, Math.min(Number(valueAt(DT_STRSZ) ?? 0n), MAX_STRINGS))
  return entries.filter(([tag]) => tag === DT_NEEDED).map(([, at]) => textAt(strings, Number(at)))
}

function readSegments(readAt: ReadAt, header: Buffer): Segment[] {
  const [size, count] = [header.readUInt16LE(54), header.readUInt16LE(SEGMENT_COUNT_AT)]
  const table = readAt(Number(header.readBigUInt64LE(32)), size * count)
  return Array.from({ length: Math.floor(table.length / Math.max(size, 56)) }, (_, i) => {
    const at = i * size
    return {
      type: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 8)),
      address: table.readBigUInt64LE(at + 16),
      size: Number(table.readBigUInt64LE(at + 32))
    }
  })
}

/** Tag and value of each entry of the dynamic section. */
function readEntries(dynamic: Buffer): [bigint, bigint][] {
  return Array.from({ length: Math.floor(dynamic.length / 16) }, (_, i) => [dynamic.readBigInt64LE(i * 16), dynamic.readBigUInt64LE(i * 16 + 8)])
}

/** File offset of the byte that is loaded at an address. */
function offsetOf(address: bigint, segments: readonly Segment[]): number | null {
  const segment = segments.find(({ type, address: start, size }) => type === PT_LOAD && address >= start && address < start + BigInt(size))
  return segment === undefined ? null : segment.offset + Number(address - segment.address)
}

function textAt(strings: Buffer, at: number): string {
  const end = strings.indexOf(0, at)
  return strings.toString('latin1', at, end === -1 ? strings.length : end)
}
