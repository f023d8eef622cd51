import { cpuFlags, cpuInfo } from '../../process/cpu-flags.ts'
import type { Activations } from '../onnx/numerics.ts'

/**
 * How products are computed with 8-bit weights. Both forms round each row of activations by itself, so a row depends
 * neither on later rows nor on other texts. Decision 0016 has the cost of each.
 *
 *     blocks  MatMulNBits, accuracy_level 4: weights and activations have a scale for every 128 inputs
 *     rows    MatMulIntegerToFloat: a scale for each row of activations and for each output of the 7-bit weights
 */
export type EightBitForm = 'blocks' | 'rows'

/** Inputs that share a scale. */
export const BLOCK_SIZE = 128
/**
 * Without 8-bit dot-product instructions, x86 adds two products of an unsigned and a signed byte in 16 bits and
 * saturates. 2 x 255 x 64 = 32,640 is the largest sum that fits.
 */
export const LARGEST_ROW_WEIGHT = 64

/** The rounding settings that determine the content of a cached file, together with the model. */
export const SETTINGS: Readonly<Record<EightBitForm, string>> = {
  blocks: `MatMulNBits bits=8 block=${BLOCK_SIZE} symmetric`,
  rows: `int8 by output, largest=${LARGEST_ROW_WEIGHT} symmetric`
}

export const ACTIVATIONS: Readonly<Record<EightBitForm, Activations>> = { blocks: 'int8_blocks', rows: 'int8_rows' }

/** The faster form for a processor. `cpuInfo` is Linux's /proc/cpuinfo; empty elsewhere. */
export function formFor(architecture: string, cpuInfo: string): EightBitForm {
  if (architecture !== 'x64') return 'blocks'
  return /\b(?:avx512_vnni|avx_vnni)\b/.test(cpuFlags(cpuInfo)) ? 'blocks' : 'rows'
}

/** The faster form for this machine's processor. */
export function formHere(): EightBitForm {
  return formFor(process.arch, cpuInfo())
}

/** Values of `--precision`; `auto` keeps the weights of the file. */
export const PRECISIONS = ['auto', 'int8'] as const

export type Precision = (typeof PRECISIONS)[number]
