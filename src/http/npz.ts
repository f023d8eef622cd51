import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { ZipFile } from 'yazl'
import type { ArrayMember } from '../logprob/array-members.ts'
import { joined } from './json-stream.ts'

/** A NumPy .npz file is a ZIP file; it has no media type of its own. */
export const NPZ = 'application/zip'

/** Little-endian, as every processor that ONNX Runtime has a package for. */
const DESCRIPTIONS: Readonly<Record<ArrayMember['type'], string>> = { int32: '<i4', int64: '<i8', float32: '<f4', float64: '<f8', uint8: '|u1' }

/**
 * Sends arrays as a .npz file, which `numpy.load` reads without pickle. Its array `meta` has JSON text as bytes.
 * Nothing is compressed, so that its length is known, and a reader may take each array as it lies in the file.
 */
export async function sendNpz(reply: FastifyReply, members: readonly ArrayMember[], metaParts: Iterable<Buffer | string>): Promise<FastifyReply> {
  const meta = await joined(metaParts)
  const all: readonly ArrayMember[] = [...members, { name: 'meta', type: 'uint8', shape: [meta.sizeBytes], parts: meta.writes }]
  const zip = new ZipFile()
  for (const { name, type, shape, parts } of all) {
    const { writes, sizeBytes } = await joined([npyHeader(type, shape), ...parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength))])
    zip.addReadStreamLazy(`${name}.npy`, { compress: false, size: sizeBytes }, (use) => use(null, Readable.from(writes, { objectMode: false })))
  }
  const sizeBytes = await new Promise<number>((resolve) => {
    zip.end({ forceZip64Format: false, comment: '' }, resolve as () => void)
  })
  return reply.type(NPZ).header('content-length', sizeBytes).send(zip.outputStream)
}

/** The array begins at a multiple of this many bytes of its member, as NumPy writes it. */
const ALIGNMENT_BYTES = 64

/** Version 1.0 of the .npy format. */
function npyHeader(type: ArrayMember['type'], shape: readonly number[]): Buffer {
  const magic = Buffer.from('\x93NUMPY\x01\x00', 'latin1')
  const dictionary = `{'descr': '${DESCRIPTIONS[type]}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`
  const unpadded = magic.length + 2 + dictionary.length + 1
  const text = `${dictionary}${' '.repeat((ALIGNMENT_BYTES - (unpadded % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES)}\n`
  const length = Buffer.alloc(2)
  length.writeUInt16LE(text.length)
  return Buffer.concat([magic, length, Buffer.from(text, 'latin1')])
}
