import { type BenchModelName, benchModel } from './models/bench-model.ts'
import { compareWithPeers } from './peers/comparison.ts'
import { HF } from './peers/peers.ts'
import type { Findings } from './support/result.ts'
import { multipleChoiceSlices, OPTION_TOKENS, OPTIONS_EACH, QUESTION_TOKENS } from './workloads/multiple-choice.ts'

const QUESTIONS = 64
const SHARED_TOKENS = { gpt2: 800, embedded: 380 } as const
/** Number of the 64 questions that slow peers score. */
const PART_QUESTIONS = { gpt2: 2, embedded: 16 } as const
const SLICES = 4
const SECONDS = { gpt2: 120, embedded: 40 } as const

/** Few-shot questions that share their examples, so that a plain pass mostly repeats earlier computation. */
export function run(name: BenchModelName): Promise<Findings> {
  const model = benchModel(name)
  const longest = QUESTION_TOKENS[1] + OPTION_TOKENS[1]
  // For the shorter contexts of models that replace the large one.
  const sharedTokens = Math.min(SHARED_TOKENS[name], model.contextTokens - longest)
  const partQuestions = PART_QUESTIONS[name]
  return compareWithPeers({
    subject: `few-shot multiple choice, ${name}`,
    question: `How fast is few-shot multiple choice compared with other tools (${name})?`,
    model,
    slices: multipleChoiceSlices(12, model.textVocabSize, { slices: SLICES, sharedTokens, questions: QUESTIONS, partQuestions }),
    seconds: SECONDS[name],
    settings: {
      shared_tokens: sharedTokens,
      questions: QUESTIONS,
      question_tokens: QUESTION_TOKENS.join(' to '),
      options_per_question: OPTIONS_EACH,
      option_tokens: OPTION_TOKENS.join(' to '),
      questions_per_round_of_others: partQuestions
    },
    factors: name === 'gpt2' ? { [HF]: 10 } : {},
    shareOfPeak: null,
    notes: [
      `logpr gets all ${QUESTIONS} questions in one request. The other contestants score ${partQuestions} of them in each round, and their time is scaled by tokens. They recompute the shared context for each question, so the remaining questions would cost the same.`,
      'Every round has a different shared context.'
    ]
  })
}
