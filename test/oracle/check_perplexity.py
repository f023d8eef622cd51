"""Score the texts of test/perplexity/texts.json with lm-evaluation-harness and the recipe of Hugging Face, in float64.

    python check_perplexity.py MODEL_FOLDER TEXTS_JSON [write]

Nothing of logpr takes part. Disjoint windows: `HFLM.loglikelihood_rolling` and the harness's own metrics. Strided windows:
the loop of https://huggingface.co/docs/transformers/perplexity, whose mean losses are multiplied by the number of labels
that transformers really scores. Exits 1 when an expected value in the file is off by more than 1e-6; with `write` it
writes the values instead.
"""
import json
import logging
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from embedded_weights import embedded_model
from lm_eval.api.metrics import bits_per_byte, weighted_perplexity
from lm_eval.api.task import PerplexityTask
from lm_eval.models.huggingface import HFLM
from transformers import PreTrainedTokenizerFast

TOLERANCE = 1e-6
ROOT = Path(__file__).resolve().parents[2]


def text_of(case: dict) -> str:
    """`file` is a path in the repository, of which a part can be cut in characters."""
    text = case['text'] if 'text' in case else (ROOT / case['file']).read_text(encoding='utf-8')
    return text[case.get('from', 0) : case.get('to')] * case.get('times', 1)


def disjoint(text: str, options: dict) -> dict:
    harness = HFLM(pretrained=model, tokenizer=tokenizer, max_length=options.get('max_length', CONTEXT), batch_size=4)
    (log_prob,) = harness.loglikelihood_rolling([SimpleNamespace(args=(text,))], disable_tqdm=True)
    words, byte_count = PerplexityTask.count_words(text), PerplexityTask.count_bytes(text)
    tokens = len(harness.tok_encode(text))
    overflows = -log_prob / words > 709
    return {
        'log_prob': log_prob,
        'scored_tokens': tokens,
        'per_token': math.exp(-log_prob / tokens),
        'per_word': None if overflows else weighted_perplexity([(log_prob, words)]),
        'per_byte': weighted_perplexity([(log_prob, byte_count)]),
        'bits_per_byte': bits_per_byte([(log_prob, byte_count)]),
    }


def strided(text: str, options: dict) -> dict:
    encodings = tokenizer(text, return_tensors='pt')
    max_length = options.get('max_length', CONTEXT)
    stride = options.get('stride', max_length // 2)
    seq_len = encodings.input_ids.size(1)
    total, scored, recipe_sum, recipe_tokens = 0.0, 0, 0.0, 0
    prev_end_loc = 0
    for begin_loc in range(0, seq_len, stride):
        end_loc = min(begin_loc + max_length, seq_len)
        trg_len = end_loc - prev_end_loc
        input_ids = encodings.input_ids[:, begin_loc:end_loc]
        target_ids = input_ids.clone()
        target_ids[:, :-trg_len] = -100
        with torch.no_grad():
            loss = model(input_ids, labels=target_ids).loss.item()
        # Labels are shifted by one inside the model: of the first window one label is lost, of later ones none is.
        really = (target_ids[:, 1:] != -100).sum().item()
        total -= loss * really
        scored += really
        # The recipe subtracts one label from every window.
        recipe_tokens += trg_len - 1
        recipe_sum += loss * (trg_len - 1)
        prev_end_loc = end_loc
        if end_loc == seq_len:
            break
    words, byte_count = PerplexityTask.count_words(text), PerplexityTask.count_bytes(text)
    if max_length >= 64:
        recipes.append((math.exp(recipe_sum / recipe_tokens), math.exp(-total / scored)))
    return {
        'log_prob': total,
        'scored_tokens': scored,
        'per_token': math.exp(-total / scored),
        'per_word': None if -total / words > 709 else math.exp(-total / words),
        'per_byte': math.exp(-total / byte_count),
        'bits_per_byte': -total / (math.log(2) * byte_count),
    }


def answer(case: dict) -> dict:
    text, options = text_of(case), case['options']
    found = (disjoint if options.get('window') == 'disjoint' else strided)(text, options)
    return {**found, 'words': PerplexityTask.count_words(text), 'bytes': PerplexityTask.count_bytes(text), 'chars': len(text)}


def difference(a, b) -> float:
    if a is None or b is None:
        return 0.0 if a is b else float('inf')
    return abs(a - b) / max(1.0, abs(b))


logging.disable(logging.WARNING)
folder, path = Path(sys.argv[1]), Path(sys.argv[2])
model = embedded_model(folder, np.float64)
CONTEXT = model.config.max_position_embeddings
tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
recipes: list[tuple[float, float]] = []
cases = json.loads(path.read_text())
if sys.argv[3:] == ['write']:
    for case in cases:
        case['expected'] = answer(case)
    path.write_text(json.dumps(cases, indent=2, ensure_ascii=False) + '\n')
    sys.exit()
worst = 0.0
for case in cases:
    found = answer(case)
    assert found.keys() == case['expected'].keys()
    worst = max([worst, *(difference(found[name], case['expected'][name]) for name in found)])
off = max(abs(recipe / exact - 1) for recipe, exact in recipes)
print(f'oracle: {len(cases)} texts in windows, largest relative difference {worst:.1e}')
print(f'the mean that the recipe takes counts one token too few per window: up to {100 * off:.2g} % from the exact perplexity')
sys.exit(int(worst > TOLERANCE))
