import { attentionMaskIgnored, attentionNotCausal, attentionWindowed } from './attention.ts'
import { batchRowsSwapped, hiddenNotANumberAtOnePosition, hiddenRoundedToBfloat16, hiddenRoundedToFloat16, rowsOneEarly, rowsOneLate } from './hidden-rows.ts'
import { layerLeftOut } from './layers.ts'
import { paddedLeft, paddedLeftMaskIgnored } from './left-padding.ts'
import { logitOfOneTokenRaised, logitsDividedByTemperature, logitsRoundedToFloat16, vocabularyRolled } from './logits.ts'
import { positionsAllZero, positionsDoubled, positionsRunningOn, positionsWrapped } from './positions.ts'
import type { GraphMutation } from './write-mutated-model.ts'

/** One thing wrong with the graph of the embedded model (a Llama export of optimum with empty caches). */
export interface GraphFault {
  readonly name: string
  /** What is wrong and where it shows. */
  readonly description: string
  readonly mutate: GraphMutation
}

/** The embedded model's end-of-sequence token. */
const END_ID = 0
/** The embedded model's token for a comma. */
const FAVOURED_ID = 12

export const GRAPH_FAULTS: readonly GraphFault[] = [
  { name: 'attention not causal', description: 'tokens see later tokens; numbers of x change with y', mutate: attentionNotCausal },
  { name: 'attention windowed', description: 'tokens see the 16 last tokens alone; texts that are longer score worse', mutate: attentionWindowed },
  { name: 'attention mask ignored', description: 'the mask is all ones; harmless, as padding stands on the right', mutate: attentionMaskIgnored },
  { name: 'padded left', description: 'padding moved to the left with its mask and positions; harmless', mutate: paddedLeft },
  { name: 'padded left, mask ignored', description: 'texts shorter than their neighbours see the padding before them', mutate: paddedLeftMaskIgnored },
  { name: 'positions all zero', description: 'the order of the tokens is lost', mutate: positionsAllZero },
  { name: 'positions doubled', description: 'position ids count in steps of two', mutate: positionsDoubled },
  { name: 'positions wrapped', description: 'position ids start again after 32 tokens', mutate: positionsWrapped },
  { name: 'positions run on', description: 'position ids run on from text to text of a batch; harmless for rotary positions', mutate: positionsRunningOn },
  { name: 'end token -inf', description: 'the end token can have no probability', mutate: logitOfOneTokenRaised(END_ID, Number.NEGATIVE_INFINITY) },
  { name: 'end token -1e9', description: 'the end token is forbidden by a finite number', mutate: logitOfOneTokenRaised(END_ID, -1e9) },
  { name: 'one token favoured', description: 'one logit is 0.5 too high at every position', mutate: logitOfOneTokenRaised(FAVOURED_ID, 0.5) },
  { name: 'temperature', description: 'logits are divided by 1.3', mutate: logitsDividedByTemperature },
  { name: 'logits rounded to float16', description: 'the file says float32', mutate: logitsRoundedToFloat16 },
  { name: 'hidden states rounded to float16', description: 'the file says float32', mutate: hiddenRoundedToFloat16 },
  { name: 'hidden states rounded to bfloat16', description: 'the file says float32', mutate: hiddenRoundedToBfloat16 },
  { name: 'vocabulary rolled', description: 'token v gets the logit of token v - 1: the tokenizer is of another model', mutate: vocabularyRolled },
  { name: 'layer left out', description: 'the fourth layer does nothing', mutate: layerLeftOut(3) },
  { name: 'rows one late', description: 'a token gets the logits meant for the one before it', mutate: rowsOneLate },
  { name: 'rows one early', description: 'a token gets the logits meant for the one after it', mutate: rowsOneEarly },
  { name: 'batch rows swapped', description: 'texts of a batch get the numbers of one another', mutate: batchRowsSwapped },
  { name: 'not a number', description: 'the hidden state at position 7 is not a number', mutate: hiddenNotANumberAtOnePosition }
]
