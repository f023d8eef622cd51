import { renderHelp } from '../config/render-options.ts'

export function renderUsage(): string {
  return `logpr: exact log-probabilities of text under a causal language model

  logpr serve                          the service
  logpr score --x TEXT --y TEXT        one result, without HTTP
  logpr score [FILE]                   JSON Lines in ({"x": ..., "y": ...} a line; standard input without FILE), JSON Lines out
  logpr check --joint J --marginal M [--conditional C] [--x-tokens N] [--y-tokens N]
                                       whether these log-probabilities can belong together; needs no model
  logpr pull ID[@REVISION]             downloads a model of the hub into the cache that Python's huggingface_hub shares
  logpr inspect [MODEL] [--json true]  what a model's graph is and what will be prepared
  logpr inspect --provider true [--json true]
                                       what CUDA needs on this machine and what of it is missing
  logpr manifest [MODEL]               SHA-256 of every file that serving it reads, as sha256sum prints them
  logpr version

Settings of serve and score, as flags or as LOGPR_ variables (--max-batch-tokens is LOGPR_MAX_BATCH_TOKENS):

${renderHelp()}`
}
