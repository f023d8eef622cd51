import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SelfTestReport } from '../../../../src/engine/engine-info.ts'
import { runSelfTest } from '../../../../src/engine/process/self-test/self-test.ts'
import type { EngineSpec, KnownAnswer, SelfTestTexts } from '../../../../src/engine/protocol.ts'
import { ServiceError } from '../../../../src/errors.ts'
import { CHECK_CATALOG } from '../../../../src/scoring/checks/check.ts'
import { FakeModel, type FakeModelShape, type ModelFaults, naturalIds } from '../../../support/fake-model.ts'
import { present } from '../../../support/present.ts'

const SHAPE: FakeModelShape = { vocabSize: 64, textVocabSize: 60 }
const NATURAL = naturalIds(SHAPE, 1, 48)
const TEXTS: SelfTestTexts = { natural: NATURAL, reversed: [1, ...NATURAL.slice(1).reverse()], textVocabSize: SHAPE.textVocabSize }
const SPEC: EngineSpec = {
  onnxPath: '',
  executionProvider: 'cpu',
  threads: 1,
  vocabSize: SHAPE.vocabSize,
  headSize: 1,
  ceilingNats: 1e-3,
  approximateCeilingNats: 0.5,
  claimsFloat32: true,
  expectedFiles: {}
}

interface Trial {
  readonly texts?: SelfTestTexts
  readonly known?: readonly KnownAnswer[]
  readonly isApproximate?: boolean
  readonly spec?: Partial<EngineSpec>
}

function reportOn(faults: ModelFaults, { texts = TEXTS, known = [], isApproximate = false, spec = {} }: Trial = {}): Promise<SelfTestReport> {
  return runSelfTest(new FakeModel(SHAPE, faults), { ...SPEC, ...spec }, { texts, known, isApproximate })
}

/** Ids of the checks that the self-test fails with; none when it passes. */
async function failuresOf(faults: ModelFaults, trial: Trial = {}): Promise<string[]> {
  try {
    await reportOn(faults, trial)
    return []
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    assert.equal(code, 'model_invalid')
    return [...message.matchAll(/\[(\w+)\]/g)].map(([, id]) => present(id))
  }
}

function statusesOf({ items }: SelfTestReport, status: string): string[] {
  return items.filter((item) => item.status === status).map(({ id }) => id)
}

describe('runSelfTest on a model that loads but cannot run', () => {
  it('rejects with `model_invalid` and the message of the runtime', async () => {
    const broken = { score: () => Promise.reject(new Error('Gather node: indices out of bounds')) }
    await assert.rejects(runSelfTest(broken, SPEC, { texts: TEXTS, known: [], isApproximate: false }), {
      code: 'model_invalid',
      message: 'the start-up self-test failed: a forward pass failed with: Gather node: indices out of bounds'
    })
  })

  it('rethrows an error that has a code', async () => {
    const broken = { score: () => Promise.reject(new ServiceError('model_unsupported', 'no')) }
    await assert.rejects(runSelfTest(broken, SPEC, { texts: TEXTS, known: [], isApproximate: false }), { code: 'model_unsupported' })
  })
})

describe('runSelfTest on a model without faults', () => {
  it('passes with a tenth of the ceiling as the tolerance', async () => {
    const report = await reportOn({})
    assert.deepEqual([report.verdict, report.toleranceNats, report.ceilingNats, report.causal], ['pass', 1e-4, 1e-3, 'exact'])
    // The whole text twice and the half twice, all but their first tokens.
    assert.deepEqual(report.noise, { max: 0, p999: 0, tokens: 47 + 23 + 47 + 23 })
    assert.deepEqual(statusesOf(report, 'skipped'), ['packing_invariance', 'cache_invariance', 'known_answer'])
  })

  it('runs every start-up check except that of the tokenizer', async () => {
    const expected = Object.entries(CHECK_CATALOG).flatMap(([id, { runs }]) => ((runs as readonly string[]).includes('start') ? [id] : []))
    const { items } = await reportOn({})
    assert.deepEqual(items.map(({ id }) => id).sort(), expected.filter((id) => id !== 'tokenizer_known_answer').sort())
  })

  it('scores the text alone, again, in half, beside others and padded, and probes 32 rows', async () => {
    const model = new FakeModel(SHAPE)
    await runSelfTest(model, SPEC, { texts: TEXTS, known: [], isApproximate: false })
    assert.deepEqual(
      model.batches.map(({ sequences, probe }) => [sequences.map(({ ids }) => ids.length), probe?.positions.length ?? 0]),
      [
        [[48], 32],
        [[48], 0],
        [[24], 0],
        [[48, 48, 48], 0],
        [[24, 48], 0],
        [[48], 0]
      ]
    )
  })

  it('passes texts of four tokens and skips the checks that need more', async () => {
    const natural = NATURAL.slice(0, 4)
    const report = await reportOn({}, { texts: { ...TEXTS, natural, reversed: [1, ...natural.slice(1).reverse()] } })
    assert.equal(report.verdict, 'pass')
    assert.ok(statusesOf(report, 'skipped').includes('shift_alignment'))
  })

  it('sets the tolerance to four times the measured noise, within the ceiling', async () => {
    const report = await reportOn({ noiseNats: 5e-5 })
    assert.ok(report.noise.max > 2.5e-5 && report.noise.max < 2e-4)
    assert.equal(report.toleranceNats, 4 * report.noise.p999)
    assert.deepEqual(statusesOf(report, 'warn'), ['rerun'])
    assert.equal((await reportOn({ noiseNats: 2e-4 })).toleranceNats, 1e-3)
  })
})

describe('runSelfTest on a model with a fault', () => {
  const FAILURES: readonly [string, ModelFaults, readonly string[]][] = [
    ['tokens that depend on later ones', { seesLaterTokens: true }, ['causality']],
    ['tokens that depend on the neighbours in their batch', { seesNeighbours: true }, ['batch_invariance', 'padding_invariance']],
    ['tokens that depend on padding', { seesPadding: true }, ['padding_invariance']],
    ['scores that vary more than the numerics explain', { noiseNats: 0.02 }, ['rerun', 'causality', 'batch_invariance', 'padding_invariance']],
    ['rows that predict the token itself', { rowOffset: -1 }, ['shift_alignment']],
    ['rows that predict the token after next', { rowOffset: 1 }, ['shift_alignment']],
    ['logits that are not numbers, and names nothing that follows from them', { noiseNats: Number.NaN }, ['finite_logits']],
    ['a masked token', { maskedId: 59 }, ['finite_logits']],
    ['log-probabilities changed after they were computed', { changedByNats: -0.5 }, ['loss_parity']],
    ['probabilities that do not add up to 1', { unnormalizedByNats: 0.01 }, ['normalization', 'loss_parity']]
  ]
  for (const [what, faults, expected] of FAILURES) {
    it(`rejects ${what}: ${expected.join(', ')}`, async () => assert.deepEqual(await failuresOf(faults), expected))
  }

  it('lists likely causes and the remedy', async () => {
    await assert.rejects(reportOn({ seesLaterTokens: true }), {
      message:
        /^the start-up self-test failed: \[causality\] the log-probabilities differ by .*Likely causes.*attention mask.*What to do: Export the model again/s
    })
  })

  const WARNINGS: readonly [string, ModelFaults, readonly string[]][] = [
    ['logits rounded to half precision', { isHalfPrecision: true }, ['precision']],
    ['weights that were never trained', { isUniform: true }, ['unreachable_mass', 'better_than_chance', 'precision', 'ordering']]
  ]
  for (const [what, faults, expected] of WARNINGS) {
    it(`serves ${what} with a warning: ${expected.join(', ')}`, async () => {
      const report = await reportOn(faults)
      assert.deepEqual([report.verdict, statusesOf(report, 'warn')], ['warn', expected])
    })
  }

  it('expects no more precision than the dtype claims', async () => {
    assert.equal((await reportOn({ isHalfPrecision: true }, { spec: { claimsFloat32: false } })).verdict, 'pass')
  })

  it('warns when natural text is less likely than its reverse', async () => {
    const report = await reportOn({}, { texts: { ...TEXTS, reversed: NATURAL, natural: TEXTS.reversed } })
    assert.ok(statusesOf(report, 'warn').includes('ordering'))
  })
})

describe('runSelfTest with known answers', () => {
  const ids = naturalIds(SHAPE, 2, 12)

  async function knownBy(source: KnownAnswer['source'], offNats: number): Promise<KnownAnswer> {
    const { rows } = await new FakeModel(SHAPE).score({ sequences: [{ ids: Int32Array.from(ids), firstScored: 1 }], topCount: null })
    return { source, ids, logProbs: Array.from(rows[0]!.logProbs, (logProb, i) => logProb + (i === 5 ? offNats : 0)) }
  }

  const CASES: readonly [string, KnownAnswer['source'], number, boolean][] = [
    ['the same log-probabilities', 'stored', 0, true],
    ['stored log-probabilities off by less than the ceiling', 'stored', 9e-4, true],
    ['stored log-probabilities off by more than the ceiling', 'stored', 1.1e-3, false],
    ['log-probabilities of the first start off by less than the tolerance', 'repeated', 9e-5, true],
    ['log-probabilities of the first start off by more than the tolerance', 'repeated', 1.1e-4, false],
    ['NaN', 'stored', Number.NaN, false]
  ]
  for (const [what, source, offNats, isAccepted] of CASES) {
    it(`${isAccepted ? 'passes' : 'rejects'} ${what}`, async () => {
      assert.deepEqual(await failuresOf({}, { known: [await knownBy(source, offNats)] }), isAccepted ? [] : ['known_answer'])
    })
  }

  describe('of a model that rounds activations to 8 bits', () => {
    const spec = { ceilingNats: 0.1, storedCeilingNats: 0.5 }
    const offBy = async (offNats: readonly number[]): Promise<readonly KnownAnswer[]> => {
      const answer = await knownBy('stored', 0)
      return [{ ...answer, logProbs: answer.logProbs.map((logProb, i) => logProb + (offNats[i % offNats.length] ?? 0)) }]
    }

    it('passes single tokens that another processor rounds differently', async () => {
      assert.deepEqual(await failuresOf({}, { spec, known: await offBy([0.43, ...Array<number>(10).fill(0.02)]) }), [])
    })
    it('rejects single tokens that differ by more than rounding explains', async () => {
      assert.deepEqual(await failuresOf({}, { spec, known: await offBy([0.51, ...Array<number>(10).fill(0)]) }), ['known_answer'])
    })
    it('rejects a text whose mean difference exceeds the ceiling, and says so', async () => {
      const known = await offBy([0.11, -0.11])
      await assert.rejects(reportOn({}, { spec, known }), { message: /\[known_answer\] a text differs by 0\.11\d* nats per token on average, more than 0\.1,/ })
    })
    it('compares answers of the first start within the tolerance, not the ceiling', async () => {
      assert.deepEqual(await failuresOf({}, { spec, known: [await knownBy('repeated', 0.02)] }), ['known_answer'])
    })
  })

  it('rejects an answer of another length', async () => {
    const answer = await knownBy('stored', 0)
    assert.deepEqual(await failuresOf({}, { known: [{ ...answer, logProbs: answer.logProbs.slice(1) }] }), ['known_answer'])
  })

  it('compares every known answer and reports which ones failed', async () => {
    const known = [await knownBy('stored', 0), await knownBy('stored', 1), await knownBy('repeated', 1)]
    await assert.rejects(reportOn({}, { known }), { message: /stored with the model.*of the first start of this service/s })
  })

  it('reports its own log-probabilities of its text and of each known one', async () => {
    const known = [await knownBy('stored', 5e-4)]
    const { answers } = await reportOn({}, { known })
    assert.deepEqual(
      answers.map((answer) => answer.ids),
      [NATURAL, ids]
    )
    assert.deepEqual(answers[1]?.logProbs, (await knownBy('stored', 0)).logProbs)
  })
})

describe('runSelfTest on a model that quantizes activations over whole tensors', () => {
  it('warns when passes differ, with the ceiling of such models as the tolerance', async () => {
    const report = await reportOn({ noiseNats: 0.02 }, { isApproximate: true })
    assert.deepEqual([report.causal, report.toleranceNats, report.ceilingNats], ['approximate', 0.5, 0.5])
    assert.deepEqual(statusesOf(report, 'warn'), ['rerun', 'causality', 'batch_invariance', 'padding_invariance'])
    assert.match(present(report.items.find(({ id }) => id === 'causality')?.message), /scored alone/)
  })

  it('keeps a larger ceiling', async () => {
    assert.equal((await reportOn({}, { isApproximate: true, spec: { ceilingNats: 2 } })).toleranceNats, 2)
  })

  it('rejects differences of more than ten times the ceiling', async () => {
    assert.deepEqual(await failuresOf({ seesLaterTokens: true }, { isApproximate: true }), ['causality'])
  })

  it('rejects reruns that differ by more than the tolerance', async () => {
    assert.ok((await failuresOf({ noiseNats: 2 }, { isApproximate: true })).includes('rerun'))
  })
})
