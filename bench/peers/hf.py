"""lm-evaluation-harness' backend `hf`, as a peer: hf.py MODEL_FOLDER THREADS

Tokenization is left out: token ids go to the method that its loglikelihood calls behind the tokenizer.
"""

import sys
from pathlib import Path

import work
import lm_eval
import torch
import transformers
from lm_eval.models.huggingface import HFLM
from transformers import PreTrainedTokenizerFast
from weights import model_of

folder, threads = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.set_grad_enabled(False)
tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), eos_token="<|endoftext|>", bos_token="<|endoftext|>")
harness = HFLM(pretrained=model_of(folder), tokenizer=tokenizer, backend="causal", device="cpu", dtype="float32", batch_size=1)


def score(items: list[dict], settings: dict) -> list[float]:
    harness.batch_size_per_gpu = settings["batch_size"]
    requests = [(("", ""), item["context"], item["continuation"]) for item in items]
    return [total for total, _ in harness._loglikelihood_tokens(requests, disable_tqdm=True)]


work.serve(f"lm-eval {lm_eval.__version__}, transformers {transformers.__version__}, torch {torch.__version__}", score)
