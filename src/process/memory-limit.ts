import { totalmem } from 'node:os'

/** The memory limit of the container (cgroup) in bytes; null when it is not below the memory of the machine. */
export function memoryLimitBytes(constrained = process.constrainedMemory(), machine = totalmem()): number | null {
  return constrained > 0 && constrained < machine ? constrained : null
}
