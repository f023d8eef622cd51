import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formFor } from '../../../src/model/precision/eight-bit-form.ts'

const cpuInfo = (flags: string): string => `processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu ${flags} smep\nbugs\t\t: spectre_v1\n`

for (const [what, architecture, info, form] of [
  ['x86 with 8-bit dot products of 512 bits', 'x64', cpuInfo('avx512f avx512_vnni'), 'blocks'],
  ['x86 with 8-bit dot products of 256 bits', 'x64', cpuInfo('avx2 avx_vnni'), 'blocks'],
  ['x86 without', 'x64', cpuInfo('avx2 avx512f'), 'rows'],
  ['x86 that says nothing of itself', 'x64', '', 'rows'],
  ['another architecture', 'arm64', 'Features\t: fp asimd', 'blocks']
] as const)
  test(`${what} takes the form of ${form}`, () => assert.equal(formFor(architecture, info), form))
