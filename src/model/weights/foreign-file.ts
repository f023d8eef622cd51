import { closeSync, openSync, readSync } from 'node:fs'

/** Beginnings that tell files of another kind, with what to do about each. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^version https:\/\/git-lfs\.github\.com\/spec\//, 'is a Git LFS pointer, not the file itself: run `git lfs pull` in the folder it was cloned to'],
  [/^\s*(?:<!doctype|<html|<head|<\?xml)/i, 'is a web page, not the file itself: the download met an error or a login page; download it again'],
  [/^(?:Entry not found|Repository not found|Invalid username or password|Not Found)/i, 'holds an error message of the download: download it again'],
  [/^GGUF/, 'is a GGUF file: logpr reads ONNX; take or make an ONNX export of the model'],
  [/^PK\p{Cc}{2}/u, 'is a zip archive (a PyTorch checkpoint, perhaps): logpr reads ONNX; unpack it, or make an ONNX export of the model'],
  [/^[\s\S]{4}\0{4}\{/, 'is a safetensors file: logpr reads ONNX; take or make an ONNX export of the model']
]

/** How many bytes of the beginning `foreignKind` wants to see. */
export const HEAD_BYTES = 256

/**
 * What a file that should hold weights or JSON is instead, as the end of a sentence that begins with its name, with what to
 * do; null when its beginning gives nothing away. `head` is its first `HEAD_BYTES` bytes, or all when it has fewer.
 */
export function foreignKind(head: Uint8Array): string | null {
  if (head.length === 0) return 'is empty: download it again'
  if (head.every((byte) => byte === 0)) return 'begins with zeros alone: its download did not finish; download it again'
  const text = Buffer.from(head).toString('latin1')
  return KINDS.find(([beginning]) => beginning.test(text))?.[1] ?? null
}

/** The first `HEAD_BYTES` bytes of a regular file, or all when it has fewer. */
export function headOf(path: string): Uint8Array {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(HEAD_BYTES)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, HEAD_BYTES, 0))
  } finally {
    closeSync(descriptor)
  }
}
