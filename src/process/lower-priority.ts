import { constants, getPriority, platform, setPriority } from 'node:os'

/**
 * Lets whoever answers clients go first: takes `niceness` off the priority of the calling thread and of the threads that it
 * starts from now on. On Linux alone: elsewhere it would be the whole process. Never raises one, and leaves it as it is
 * where the system refuses.
 */
export function lowerPriority(niceness: number): void {
  if (niceness <= 0 || platform() !== 'linux') return
  try {
    setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + niceness))
  } catch {
    // Slower answers under load are all that it costs.
  }
}
