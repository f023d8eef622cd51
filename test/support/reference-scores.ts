/** The outputs of the scoring graph for one row, computed in float64 from the row's logits. */
export interface ReferenceScores {
  readonly logProb: number
  readonly logSumExp: number
  readonly bestId: number
  readonly bestLogProb: number
  readonly higherCount: number
  readonly entropy: number
  /** All tokens, most probable first. */
  readonly byProbability: readonly { readonly id: number; readonly logProb: number }[]
}

export function referenceScores(logits: readonly number[], target: number): ReferenceScores {
  const largest = Math.max(...logits)
  const logSumExp = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0))
  const logProbs = logits.map((logit) => logit - logSumExp)
  const byProbability = logProbs.map((logProb, id) => ({ id, logProb })).sort((a, b) => b.logProb - a.logProb || a.id - b.id)
  return {
    logProb: logProbs[target]!,
    logSumExp,
    bestId: byProbability[0]!.id,
    bestLogProb: byProbability[0]!.logProb,
    higherCount: logits.filter((logit) => logit > logits[target]!).length,
    entropy: -logProbs.reduce((sum, logProb) => sum + Math.exp(logProb) * logProb, 0),
    byProbability
  }
}
