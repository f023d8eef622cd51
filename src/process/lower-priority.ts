import { constants, getPriority, platform, setPriority } from 'node:os'

/**
 * Adds `niceness` to the calling thread and to the threads that it starts afterwards, so that threads that answer
 * clients run first. Linux only: elsewhere it would apply to the whole process.
 */
export function lowerPriority(niceness: number): void {
  if (niceness <= 0 || platform() !== 'linux') return
  try {
    setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + niceness))
  } catch {
    // Without permission the priority stays as it is, and responses are merely slower under load.
  }
}
