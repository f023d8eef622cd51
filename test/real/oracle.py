"""What transformers says of a real model, for run.ts: `python oracle.py MODEL_FOLDER QUESTIONS.json OUT.json`.

QUESTIONS.json has `texts` and `code` (x and y), `conversations` (lists of messages) and `pairs` (BLiMP: good and bad).
OUT.json gets

* `texts`: for each the ids of x and of x + y by tokenizer.json, both with BOS, and the log-probability of every id of
  x + y after the first, in float64;
* `code`: for each the ids of x + y, with BOS;
* `conversations`: the ids that the chat template gives, generation prompt included;
* `pairs`: the log-likelihoods of both sentences that the `hf` model of lm-evaluation-harness returns, in float32.
"""
import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer

sys.path.insert(0, str(Path(__file__).parents[2] / 'scripts' / 'models' / 'real'))
import gemma
import smollm2

# By the `model_type` of config.json.
MODULES = {'gemma3_text': gemma, 'llama': smollm2}


@torch.no_grad()
def log_probs(model, ids: list[int]) -> list[float]:
    """In nats, of every id after the first."""
    logits = model(torch.tensor([ids[:-1]]), use_cache=False).logits[0]
    return (logits.gather(1, torch.tensor(ids[1:])[:, None])[:, 0] - torch.logsumexp(logits, -1)).tolist()


def log_likelihoods(model, tokenizer, pairs: list[dict]) -> list[list[float]]:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    harness = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8, max_length=512)
    sentences = [pair[which] for pair in pairs for which in ('good', 'bad')]
    requests = [Instance('loglikelihood', {}, ('', sentence), i) for i, sentence in enumerate(sentences)]
    found = [value for value, _ in harness.loglikelihood(requests)]
    return [found[i:i + 2] for i in range(0, len(found), 2)]


def main(folder: Path, questions_file: Path, out: Path) -> None:
    questions = json.loads(questions_file.read_text())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    module = MODULES[json.loads((folder / 'config.json').read_text())['model_type']]
    model = module.reference_model(folder.parent / module.GGUF_FILE)

    # transformers 5 rebuilds the tokenizers of some classes and drops parts of tokenizer.json.
    as_written = Tokenizer.from_file(str(folder / 'tokenizer.json'))

    def encode(text: str) -> list[int]:
        # Some tokenizers have a BOS and do not add it.
        return [tokenizer.bos_token_id, *as_written.encode(text, add_special_tokens=False).ids]

    pairs = log_likelihoods(model, tokenizer, questions['pairs'])
    conversations = [
        as_written.encode(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True), add_special_tokens=False).ids
        for messages in questions['conversations']
    ]
    model.double()
    texts = []
    for text in questions['texts']:
        x_ids, ids = encode(text['x']), encode(text['x'] + text['y'])
        texts.append({'x_ids': x_ids, 'ids': ids, 'log_probs': log_probs(model, ids)})
    code = [encode(text['x'] + text['y']) for text in questions['code']]
    out.write_text(json.dumps({'texts': texts, 'code': code, 'conversations': conversations, 'pairs': pairs}))


if __name__ == '__main__':
    main(*(Path(argument) for argument in sys.argv[1:4]))
