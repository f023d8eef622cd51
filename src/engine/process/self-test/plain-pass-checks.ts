import { type Check, check } from '../../../scoring/checks/check.ts'
import { type PassDifference, passCheck, passDifference, rerunCheck } from '../../../scoring/checks/pass-checks.ts'
import { probeChecks } from '../../../scoring/checks/probe-checks.ts'
import { firstLogProbs, type Passes } from './passes.ts'

interface Expectations {
  /** Largest difference of a token that the numerics can explain, nats. */
  readonly ceilingNats: number
  /** Activations are quantized over whole tensors, so passes differ by design. */
  readonly isApproximate: boolean
  readonly vocabSize: number
  readonly claimsFloat32: boolean
}

/** All checks of the self-test that need plain passes and no known answers. */
export function plainPassChecks(passes: Passes, expected: Expectations): Check[] {
  const { rerun, causality, batch, padding } = differencesOf(passes)
  const { ceilingNats, vocabSize, claimsFloat32 } = expected
  const agree = (id: 'causality' | 'batch_invariance' | 'padding_invariance', what: string, difference: PassDifference): Check =>
    startStatus(passCheck({ id, what, toleranceNats: ceilingNats }, difference), expected)
  const logProbs = firstLogProbs(passes.alone)
  return [
    rerunCheck(ceilingNats, rerun),
    agree('causality', 'half a text by itself, and in front of the other half', causality),
    agree('batch_invariance', 'a text by itself, and beside two others', batch),
    agree('padding_invariance', 'a text by itself, and padded to the length of a longer one', padding),
    ...probeChecks({
      probes: passes.alone.probes,
      logProbs: passes.alone.probes.map(({ position }) => logProbs[position - 1]!),
      vocabSize,
      claimsFloat32,
      noiseNats: 0
    }),
    ordering(logProbs, firstLogProbs(passes.reversed))
  ]
}

/** Differences between passes over the same tokens. */
export function differencesOf({ alone, again, half, beside, padded }: Passes) {
  const [whole, start] = [firstLogProbs(alone), firstLogProbs(half)]
  return {
    rerun: passDifference(whole, firstLogProbs(again)),
    causality: passDifference(start, whole.subarray(0, start.length)),
    batch: passDifference(whole, firstLogProbs(beside)),
    padding: passDifference(start, firstLogProbs(padded))
  }
}

/**
 * At start-up the tolerance is the ceiling, and a difference above it cannot be noise, so a warning becomes a failure.
 * Models that are approximate by design exceed it; unless they fail outright they are served with a warning, one text
 * at a time.
 */
function startStatus(found: Check, { isApproximate }: Expectations): Check {
  if (found.status === 'fail') return found
  if (!isApproximate) return found.status === 'warn' ? { ...found, status: 'fail' } : found
  return check(
    found.id,
    'warn',
    `a difference of ${found.value} nats per token: this model quantizes activations over whole tensors and is scored alone`,
    found
  )
}

/** `value` is how much more likely a token of natural text is than one of its reversed words, nats. */
function ordering(natural: Float32Array, reversed: Float32Array): Check {
  const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const value = mean(natural) - mean(reversed)
  const finding = { independent: true, value, tolerance: 0 }
  if (value > 0) return check('ordering', 'pass', 'natural text is more likely than its words in reverse order', finding)
  return check('ordering', 'warn', 'natural text is not more likely than its words in reverse order', finding)
}
