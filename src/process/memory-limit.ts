import { totalmem } from 'node:os'

/** The memory limit of the container (cgroup) in bytes, or the memory of the machine where that is less. */
export function memoryLimitBytes(constrained = process.constrainedMemory(), machine = totalmem()): number {
  return constrained > 0 && constrained < machine ? constrained : machine
}
