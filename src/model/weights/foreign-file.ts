import { closeSync, openSync, readSync } from 'node:fs'

/** How files of other kinds begin, and what to do about each. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^version https:\/\/git-lfs\.github\.com\/spec\//, 'is a Git LFS pointer, not the file itself: run `git lfs pull` in the folder it was cloned to'],
  [/^\s*(?:<!doctype|<html|<head|<\?xml)/i, 'is a web page, not the file itself: the server sent an error or a login page; download it again'],
  [/^(?:Entry not found|Repository not found|Invalid username or password|Not Found)/i, 'holds a download error message: download it again'],
  [/^GGUF/, 'is a GGUF file, but logpr reads ONNX: use an ONNX export of the model'],
  [/^PK\p{Cc}{2}/u, 'is a zip archive (perhaps a PyTorch checkpoint), but logpr reads ONNX: unpack it, or use an ONNX export of the model'],
  [/^[\s\S]{4}\0{4}\{/, 'is a safetensors file, but logpr reads ONNX: use an ONNX export of the model']
]

/** How many leading bytes `foreignKind` needs. */
export const HEAD_BYTES = 256

/**
 * What a file that should hold weights or JSON holds instead, and what to do, as the end of a sentence that begins with
 * its name; null when its beginning shows nothing unusual. `head` is its first `HEAD_BYTES` bytes, or all of a shorter
 * file.
 */
export function foreignKind(head: Uint8Array): string | null {
  if (head.length === 0) return 'is empty: download it again'
  if (head.every((byte) => byte === 0)) return 'begins with zeros: its download did not finish; download it again'
  const text = Buffer.from(head).toString('latin1')
  return KINDS.find(([beginning]) => beginning.test(text))?.[1] ?? null
}

/** The first `HEAD_BYTES` bytes of a regular file, or all of a shorter one. */
export function headOf(path: string): Uint8Array {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(HEAD_BYTES)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, HEAD_BYTES, 0))
  } finally {
    closeSync(descriptor)
  }
}
