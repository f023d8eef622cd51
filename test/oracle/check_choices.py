"""Answer the questions of test/choice/questions.json with transformers in float64 and NumPy.

    python check_choices.py MODEL_FOLDER QUESTIONS_JSON [write]

Nothing of logpr takes part. Exits 1 when an expected value in the file is off by more than 1e-6; with `write` it writes
the values instead.
"""
import json
import re
import sys
from pathlib import Path

import numpy as np
import tokenizers
import torch
from embedded_weights import embedded_model

PREFIX_TOKEN = END_TOKEN = 0
TOLERANCE = 1e-6


def log_sum_exp(values):
    return np.logaddexp.reduce(np.array(values, dtype=np.float64))


def log_prob(ids: list[int], count: int) -> float:
    """Of the last `count` ids after those before them."""
    with torch.no_grad():
        rows = torch.log_softmax(model(torch.tensor([ids[:-1]])).logits[0], -1)
    picked = rows.gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    return picked[-count:].sum().item()


def answer(question: dict) -> dict:
    x, kind = question['x'], question.get('score')
    kind = kind or ('pmi' if 'domain_prompt' in question else 'contextual' if 'content_free' in question else 'sum')
    terminator = question.get('terminator', 'none')
    end = '' if terminator in ('none', 'eos') else terminator
    others = [question.get('domain_prompt', '')] if kind == 'pmi' else question.get('content_free', [])
    x_ids = tokenizer.encode(x).ids
    own, per_length, baselines, sequences = [], [], [[] for _ in others], []
    for choice in question['choices']:
        texts = [choice] if isinstance(choice, str) else choice['texts']
        sums, means, behind = [], [], [[] for _ in others]
        for text in texts:
            ids = tokenizer.encode(x + text + end).ids
            assert ids[: len(x_ids)] == x_ids, 'a token spans the end of x'
            y = ids[len(x_ids) :] + ([END_TOKEN] if terminator == 'eos' else [])
            sequences.append(y)
            sums.append(log_prob([PREFIX_TOKEN, *x_ids, *y], len(y)))
            length = len(y) if kind == 'per_token' else len((text + end).encode())
            means.append(sums[-1] / length)
            for i, other in enumerate(others):
                behind[i].append(log_prob([PREFIX_TOKEN, *tokenizer.encode(other).ids, *y], len(y)))
        own.append(log_sum_exp(sums))
        per_length.append(log_sum_exp(means))
        for i, values in enumerate(behind):
            baselines[i].append(log_sum_exp(values))
    own = np.array(own)
    if kind == 'sum':
        score = own
    elif kind in ('per_token', 'per_byte'):
        score = np.array(per_length)
    elif kind == 'pmi':
        score = own - np.array(baselines[0])
    else:
        shares = [np.exp(np.array(b)) / np.exp(np.array(b)).sum() for b in baselines]
        # Zhao et al. (2021): q = softmax(W p) up to the normalisation, with W = diag(p_cf)^-1.
        score = np.log(np.exp(own) / np.mean(shares, axis=0))
    weights = np.exp(score - score.max())
    p = weights / weights.sum()
    ranked = np.sort(p)[::-1]
    overlaps = any(i != j and b[: len(a)] == a for i, a in enumerate(sequences) for j, b in enumerate(sequences))
    found = {
        'log_prob': own.tolist(),
        'score': score.tolist(),
        'probability': p.tolist(),
        'best': int(score.argmax()),
        'margin': float(ranked[0] - ranked[1]),
        'entropy': float(-(p * np.log(p)).sum()),
        'mass': None if overlaps else float(np.exp(own).sum()),
    }
    values = [choice.get('value') for choice in question['choices'] if isinstance(choice, dict)]
    if len(values) == len(question['choices']) and None not in values:
        found['expectation'] = float(p @ values)
        found['deviation'] = float(np.sqrt(p @ (np.array(values) - p @ values) ** 2))
    return found


def log_odds(found: dict) -> float:
    return found['score'][0] - found['score'][1]


def in_both_orders(question: dict) -> dict:
    """Each order by itself, then the mean of the scores of the choices that stand for the same candidate."""
    first, second = question['candidates']
    if question.get('order') != 'both':
        return answer({**question, 'x': filled(question['x'], first, second)})
    orders = [answer({**question, 'x': filled(question['x'], *pair)}) for pair in ((first, second), (second, first))]
    given, swapped = orders
    same = [1, 0, *range(2, len(given['score']))]
    found = {}
    for name in ('log_prob', 'score'):
        found[name] = (np.array(given[name]) / 2 + np.array(swapped[name])[same] / 2).tolist()
    p = np.exp(found['score'] - log_sum_exp(found['score']))
    ranked = np.sort(p)[::-1]
    found['probability'] = p.tolist()
    found['best'] = int(p.argmax())
    found['margin'] = float(ranked[0] - ranked[1])
    found['entropy'] = float(-(p * np.log(p)).sum())
    found['mass'] = (given['mass'] + swapped['mass']) / 2
    found['position_bias'] = (log_odds(given) + log_odds(swapped)) / 2
    found['orders_agree'] = given['best'] == same[swapped['best']]
    return found


def filled(text: str, first: str, second: str) -> str:
    parts = re.split(r'(\{candidate_[12]\})', text)
    return ''.join({'{candidate_1}': first, '{candidate_2}': second}.get(part, part) for part in parts)


def difference(a, b) -> float:
    if a is None or b is None or isinstance(a, bool):
        return 0.0 if a is b else float('inf')
    return float(np.abs(np.array(a) - np.array(b)).max())


def answered(question: dict) -> dict:
    return in_both_orders(question) if 'candidates' in question else answer(question)


folder, path = Path(sys.argv[1]), Path(sys.argv[2])
model = embedded_model(folder, np.float64)
tokenizer = tokenizers.Tokenizer.from_file(str(folder / 'tokenizer.json'))
tokenizer.encode_special_tokens = True
cases = json.loads(path.read_text())
if sys.argv[3:] == ['write']:
    for case in cases:
        case['expected'] = answered(case['question'])
    path.write_text(json.dumps(cases, indent=2, ensure_ascii=False) + '\n')
worst = 0.0
for case in cases:
    found = answered(case['question'])
    assert found.keys() == case['expected'].keys()
    worst = max([worst, *(difference(found[name], case['expected'][name]) for name in found)])
print(f'oracle: {len(cases)} questions, largest difference {worst:.1e}')
sys.exit(int(worst > TOLERANCE))
