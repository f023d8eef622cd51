import { attentionMaskIgnored, attentionNotCausal, attentionWindowed } from './attention.ts'
import { batchRowsSwapped, hiddenNotANumberAtOnePosition, hiddenRoundedToBfloat16, hiddenRoundedToFloat16, rowsOneEarly, rowsOneLate } from './hidden-rows.ts'
import { layerLeftOut } from './layers.ts'
import { paddedLeft, paddedLeftMaskIgnored } from './left-padding.ts'
import { logitOfOneTokenRaised, logitsDividedByTemperature, logitsRoundedToFloat16, vocabularyRolled } from './logits.ts'
import { positionsAllZero, positionsDoubled, positionsRunningOn, positionsWrapped } from './positions.ts'
import type { GraphMutation } from './write-mutated-model.ts'

/** A fault in the graph of the embedded model, a Llama export of optimum with empty caches. */
export interface GraphFault {
  readonly name: string
  /** What is wrong and where it becomes visible. */
  readonly description: string
  readonly mutate: GraphMutation
}

/** The embedded model's end-of-sequence token. */
const END_ID = 0
/** The embedded model's comma token. */
const FAVOURED_ID = 12

export const GRAPH_FAULTS: readonly GraphFault[] = [
  { name: 'non-causal attention', description: 'tokens attend to later tokens; the scores of x change with y', mutate: attentionNotCausal },
  { name: 'windowed attention', description: 'tokens attend to the last 16 tokens only; longer texts score worse', mutate: attentionWindowed },
  { name: 'attention mask ignored', description: 'the mask is all ones; harmless, because padding is on the right', mutate: attentionMaskIgnored },
  { name: 'left padding', description: 'padding is moved to the left together with its mask and positions; harmless', mutate: paddedLeft },
  {
    name: 'left padding, mask ignored',
    description: 'texts shorter than others in the batch attend to the padding in front of them',
    mutate: paddedLeftMaskIgnored
  },
  { name: 'positions all zero', description: 'the order of the tokens is lost', mutate: positionsAllZero },
  { name: 'positions doubled', description: 'position ids count in steps of two', mutate: positionsDoubled },
  { name: 'positions wrapped', description: 'position ids restart after 32 tokens', mutate: positionsWrapped },
  {
    name: 'positions continue across sequences',
    description: 'position ids continue from one text of a batch to the next; harmless for rotary positions',
    mutate: positionsRunningOn
  },
  { name: 'end token at -inf', description: 'the end token cannot have any probability', mutate: logitOfOneTokenRaised(END_ID, Number.NEGATIVE_INFINITY) },
  { name: 'end token at -1e9', description: 'the end token is suppressed by a finite number', mutate: logitOfOneTokenRaised(END_ID, -1e9) },
  { name: 'one token favoured', description: 'one logit is 0.5 too high at every position', mutate: logitOfOneTokenRaised(FAVOURED_ID, 0.5) },
  { name: 'temperature applied to logits', description: 'logits are divided by 1.3', mutate: logitsDividedByTemperature },
  { name: 'logits rounded to float16', description: 'the file claims float32', mutate: logitsRoundedToFloat16 },
  { name: 'hidden states rounded to float16', description: 'the file claims float32', mutate: hiddenRoundedToFloat16 },
  { name: 'hidden states rounded to bfloat16', description: 'the file claims float32', mutate: hiddenRoundedToBfloat16 },
  { name: 'vocabulary shifted by one', description: 'token v gets the logit of token v - 1: the tokenizer belongs to another model', mutate: vocabularyRolled },
  { name: 'skipped layer', description: 'the fourth layer does nothing', mutate: layerLeftOut(3) },
  { name: 'rows one position late', description: 'a token gets the logits meant for the one before it', mutate: rowsOneLate },
  { name: 'rows one position early', description: 'a token gets the logits meant for the one after it', mutate: rowsOneEarly },
  { name: 'rows of a batch swapped', description: "texts of a batch get each other's scores", mutate: batchRowsSwapped },
  { name: 'NaN in a hidden state', description: 'the hidden state at position 7 is NaN', mutate: hiddenNotANumberAtOnePosition }
]
