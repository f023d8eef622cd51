import { existsSync, readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, totalmem, type } from 'node:os'
import { LOGPR_VERSION, ONNXRUNTIME_VERSION } from '../../src/process/package-info.ts'

export interface Machine {
  readonly cpu: string
  /** The widest vector instructions that matrix kernels use; empty if unknown. */
  readonly vectors: string
  readonly cores: number
  readonly memoryGiB: number
  readonly os: string
  readonly node: string
  readonly onnxruntime: string
  readonly logpr: string
  /** Runnable processes when the benchmark started: 0 on an idle machine. */
  readonly loadAtStart: number
  readonly date: string
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    vectors: vectorExtensions(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${arch()}`,
    node: process.version,
    onnxruntime: ONNXRUNTIME_VERSION,
    logpr: LOGPR_VERSION,
    loadAtStart: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    date: new Date().toISOString().slice(0, 10)
  }
}

export function machineLine({ cpu, vectors, cores, memoryGiB, os, node, onnxruntime, logpr, loadAtStart, date }: Machine): string {
  const processor = vectors === '' ? cpu : `${cpu} (${vectors})`
  return `${processor}, ${cores} cores, ${memoryGiB} GiB, ${os}, Node ${node}, onnxruntime ${onnxruntime}, logpr ${logpr}, load ${loadAtStart}, ${date}`
}

function vectorExtensions(): string {
  if (!existsSync('/proc/cpuinfo')) return ''
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' '))
  const known = { amx_tile: 'AMX', avx512_vnni: 'AVX-512 VNNI', avx512f: 'AVX-512', avx2: 'AVX2' }
  return Object.entries(known).find(([flag]) => flags.has(flag))?.[1] ?? ''
}
