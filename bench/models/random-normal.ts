/** Normally distributed random numbers from a seed, the same on every machine. */
export class RandomNormal {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Fills `target` with mean + N(0, deviation²), with the Box-Muller transform. */
  fill(target: Float32Array, mean: number, deviation: number): void {
    for (let i = 0; i < target.length; i += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log(1 - this.uniform()))
      const angle = 2 * Math.PI * this.uniform()
      target[i] = mean + radius * Math.cos(angle)
      // Writing past the end of an odd-sized typed array does nothing.
      target[i + 1] = mean + radius * Math.sin(angle)
    }
  }

  /** An integer from 0 to below - 1. */
  integer(below: number): number {
    return Math.floor(this.uniform() * below)
  }

  /** Uniform in [0, 1), from mulberry32. */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
