import { renderHelp } from '../config/render-options.ts'

/** The text of `logpr help`. */
export function renderUsage(): string {
  return `logpr: exact log-probabilities of text under a causal language model

Commands:

  logpr serve                          start the HTTP service
  logpr score --x TEXT --y TEXT        score one pair, without HTTP
  logpr score [FILE]                   score JSON Lines, one {"x": ..., "y": ...} per line, from FILE or standard input
  logpr check --joint J --marginal M [--conditional C] [--x-tokens N] [--y-tokens N]
                                       check whether reported log-probabilities are consistent; needs no model
  logpr pull ID[@REVISION]             download a hub model into the cache of Python's huggingface_hub
  logpr inspect [MODEL] [--json true]  describe a model and its predicted memory, without loading its weights
  logpr inspect --provider true [--json true]
                                       list what CUDA needs on this machine and what is missing
  logpr manifest [MODEL]               print the SHA-256 of every file of a model, in the format of sha256sum
  logpr version                        print the version

Settings, as flags or environment variables (--max-batch-tokens is LOGPR_MAX_BATCH_TOKENS):

${renderHelp()}`
}
