"""Compute what test/statistics/expected.json expects with NumPy, zlib and transformers in float64.

    python check_statistics.py MODEL_FOLDER EXPECTED_JSON [write]

Nothing of logpr takes part. The formulas are those of the published code of Min-K% (swj0419/detect-pretrain-code),
Min-K%++ (zjysteven/mink-plus-plus) and Fast-DetectGPT (baoguangsheng/fast-detect-gpt, the analytic discrepancy with the
scoring model as reference). Exits 1 when an expected value in the file is off by more than 1e-6; with `write` it writes
the values instead.
"""
import json
import sys
import zlib
from pathlib import Path

import numpy as np
import tokenizers
import torch
from embedded_weights import embedded_model

PREFIX_TOKEN = 0
TOLERANCE = 1e-6
TEXTS = [
    ('The old man walked down the road to the', ' river.'),
    ('Once upon a time', ' there was a little girl who lived in a village near the forest with her mother and two brothers.'),
    ('', 'The king rode out of the city gate.'),
    ('Numbers:', ' 3 14 15 92 65 35 89 79 32 38 46 26 43 38 32 79'),
    ('The', ' the the the the the the the the the the the the the the the the the the the the the the the the the'),
    ('Zürich is', ' a city of Switzerland, as naïve tourists say: 東京 is far away.'),
]


def lowest(values, ratio):
    return float(np.mean(np.sort(values)[: max(1, int(len(values) * ratio))]))


def statistics(log_probs, token_log_probs, text: str, ratio: float) -> dict:
    """log_probs (n, V) and token_log_probs (n,), float64."""
    probs = np.exp(log_probs)
    mu = (probs * log_probs).sum(-1)
    sigma = (probs * np.square(log_probs)).sum(-1) - np.square(mu)
    return {
        'min_k': lowest(token_log_probs, ratio),
        'min_k_plus_plus': lowest((token_log_probs - mu) / np.sqrt(sigma), ratio),
        'zlib_ratio': float(-token_log_probs.sum() / len(zlib.compress(text.encode()))),
        'sampling_discrepancy': float((token_log_probs.sum() - mu.sum()) / np.sqrt(sigma.sum())),
    }


def formula_cases() -> list:
    random = np.random.default_rng(7)
    cases = []
    for tokens, vocabulary in [(1, 5), (4, 50), (5, 300), (37, 1000)]:
        logits = random.normal(size=(tokens, vocabulary)) * random.uniform(0.1, 6, size=(tokens, 1))
        log_probs = torch.log_softmax(torch.tensor(logits), -1).numpy()
        probs = np.exp(log_probs)
        ids = [random.choice(vocabulary, p=row / row.sum()) for row in probs]
        own = log_probs[np.arange(tokens), ids]
        mu = (probs * log_probs).sum(-1)
        text = ' '.join(f'w{i}' for i in ids)
        for percent in (5, 20, 100):
            moments = {'logProbs': own, 'entropies': -mu, 'variances': (probs * np.square(log_probs)).sum(-1) - np.square(mu)}
            cases.append({
                **{name: values.tolist() for name, values in moments.items()},
                'text': text,
                'minKPercent': percent,
                'statistics': statistics(log_probs, own, text, percent / 100),
            })
    return cases


def zlib_cases() -> list:
    """The text of `numbered` in test/statistics/statistics.test.ts: up to several pieces of 64 KiB."""
    sizes = [('', 1), ('a', 1), ('token ', 40), ('the old man ', 900), ('é東', 9000), ('line\n', 40000)]
    numbered = lambda text, times: ''.join(f'{text}{(i * 7919) % 10007}' for i in range(times))
    return [{'repeated': text, 'times': times, 'bytes': len(zlib.compress(numbered(text, times).encode()))} for text, times in sizes]


def model_cases(folder: Path) -> list:
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / 'tokenizer.json'))
    tokenizer.encode_special_tokens = True
    model = embedded_model(folder, np.float64)
    cases = []
    for x, y in TEXTS:
        x_ids, ids = tokenizer.encode(x).ids, [PREFIX_TOKEN, *tokenizer.encode(x + y).ids]
        assert ids[1 : 1 + len(x_ids)] == x_ids, 'a token spans the end of x'
        with torch.no_grad():
            rows = torch.log_softmax(model(torch.tensor([ids[:-1]])).logits[0].double(), -1)[len(x_ids) :].numpy()
        own = rows[np.arange(len(rows)), ids[1 + len(x_ids) :]]
        probs = np.exp(rows)
        deviations = np.sqrt((probs * np.square(rows - (probs * rows).sum(-1, keepdims=True))).sum(-1))
        cases.append({'x': x, 'y': y, 'log_prob_std': deviations.tolist(), 'statistics': statistics(rows, own, y, 0.2)})
    return cases


def largest_difference(expected, own) -> float:
    if isinstance(own, dict):
        return max((largest_difference(expected[key], value) for key, value in own.items()), default=0)
    if isinstance(own, list):
        assert len(expected) == len(own)
        return max((largest_difference(a, b) for a, b in zip(expected, own)), default=0)
    return abs(expected - own) if isinstance(own, (int, float)) else 0 if expected == own else float('inf')


own = {'formulas': formula_cases(), 'zlib': zlib_cases(), 'texts': model_cases(Path(sys.argv[1]))}
file = Path(sys.argv[2])
if sys.argv[3:] == ['write']:
    file.write_text(json.dumps(own, ensure_ascii=False, indent=1) + '\n')
difference = largest_difference(json.loads(file.read_text()), own)
print(f'statistics: {len(own["formulas"])} formulas, {len(own["zlib"])} zlib sizes, {len(own["texts"])} texts; max difference {difference:.1e}')
sys.exit(0 if difference <= TOLERANCE else 1)
