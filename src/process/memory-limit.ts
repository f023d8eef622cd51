import { totalmem } from 'node:os'

/** The memory that this process's container (cgroup) may use, in bytes; null where it has no limit below the machine's own. */
export function memoryLimitBytes(constrained = process.constrainedMemory(), machine = totalmem()): number | null {
  return constrained > 0 && constrained < machine ? constrained : null
}
