import { cpuFlags, cpuInfo } from '../../process/cpu-flags.ts'
import type { Activations } from '../onnx/numerics.ts'

/**
 * How products are computed with 8-bit weights. In both a row of activations is rounded by itself, so that it depends neither on
 * later rows nor on other texts (decision 0016 has what each costs).
 *
 *     blocks  MatMulNBits, accuracy_level 4: weights and activations have a scale for every 128 inputs
 *     rows    MatMulIntegerToFloat: a scale for each row of activations, and for each output of the weights, which have 7 bits
 */
export type EightBitForm = 'blocks' | 'rows'

/** Inputs that share a scale. */
export const BLOCK_SIZE = 128
/**
 * Without dot products of 8-bit numbers, x86 adds two products of an unsigned and a signed byte in 16 bits and cuts off what
 * does not fit: 2 x 255 x 64 = 32,640 is the most that does.
 */
export const LARGEST_ROW_WEIGHT = 64

/** What the numbers of a cached file depend on, beside the model. */
export const SETTINGS: Readonly<Record<EightBitForm, string>> = {
  blocks: `MatMulNBits bits=8 block=${BLOCK_SIZE} symmetric`,
  rows: `int8 by output, largest=${LARGEST_ROW_WEIGHT} symmetric`
}

export const ACTIVATIONS: Readonly<Record<EightBitForm, Activations>> = { blocks: 'int8_blocks', rows: 'int8_rows' }

/** The faster form of a processor. `cpuInfo` is Linux's /proc/cpuinfo; empty elsewhere. */
export function formFor(architecture: string, cpuInfo: string): EightBitForm {
  if (architecture !== 'x64') return 'blocks'
  return /\b(?:avx512_vnni|avx_vnni)\b/.test(cpuFlags(cpuInfo)) ? 'blocks' : 'rows'
}

/** The faster form of this machine's processor. */
export function formHere(): EightBitForm {
  return formFor(process.arch, cpuInfo())
}

/** What `--precision` may be: `auto` leaves the weights as the file has them. */
export const PRECISIONS = ['auto', 'int8'] as const

export type Precision = (typeof PRECISIONS)[number]
