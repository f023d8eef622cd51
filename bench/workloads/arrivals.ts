import { RandomNormal } from '../models/random-normal.ts'

/** Arrival times of a Poisson process, ms, from a seed: gaps are exponential with mean 1 / rate. */
export function poissonArrivals(seed: number, perSecond: number, seconds: number): number[] {
  const random = new RandomNormal(seed)
  const times: number[] = []
  for (let at = 0; ; times.push(at)) {
    at += (-1000 * Math.log(1 - random.uniform())) / perSecond
    if (at >= 1000 * seconds) return times
  }
}
