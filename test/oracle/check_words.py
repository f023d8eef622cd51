"""Compute what test/scoring/words/expected.json expects with transformers in float64.

    python check_words.py MODEL_FOLDER EXPECTED_JSON [write]

Nothing of logpr takes part. The correction is formula (2) of Pimentel and Meister (2024) as their package
wordsprobability 0.17 has it: tokens of a word + B behind it - B before it, with B = sum of p over the tokens that begin
with white space and the end token. Exits 1 when an expected value in the file is off by more than 1e-6; with `write` it
writes the values instead.
"""
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import tokenizers
import torch
from embedded_weights import embedded_model

PREFIX_TOKEN = END_TOKEN = 0
TOLERANCE = 1e-6
TEXTS = [
    ('', 'The old man walked down the road to the river.'),
    ('Once upon a time there was', ' a little girl, who did not know what to do.'),
    ('The king said:', '  "Come  here,\n\nmy friend!" \tThen he left'),
    ('In 東京 and Zürich', ' the naïve tourists don\'t\u00a0sleep.  '),
    ('A', ' x'),
]


def words(x: str, y: str) -> list:
    encoding = tokenizer.encode(x + y)
    ids = [PREFIX_TOKEN, *encoding.ids]
    with torch.no_grad():
        rows = torch.log_softmax(model(torch.tensor([ids])).logits[0], -1).numpy()  # row i predicts token i + 1
    vocabulary = {i: tokenizer.decode([i], skip_special_tokens=False) for i in range(tokenizer.get_vocab_size())}
    mask = np.array([i == END_TOKEN or vocabulary[i][:1].isspace() for i in range(rows.shape[1])])
    log_b = np.log(np.exp(rows) @ mask)
    text = x + y
    found = []
    for match in re.finditer(r'\S+', text):
        for part, low, high in (('x', 0, len(x)), ('y', len(x), len(text))):
            start, end = max(match.start(), low), min(match.end(), high)
            if start >= end:
                continue
            # Offsets of byte-level tokenizers include the space in front.
            own = [i for i, (a, b) in enumerate(encoding.offsets) if len(text[a:b].strip()) > 0 and a + len(text[a:b]) - len(text[a:b].lstrip()) < end and b > start]
            first, last = own[0], own[-1]
            while first > 0 and text[slice(*encoding.offsets[first - 1])].isspace():
                first -= 1
            log_prob = sum(rows[i, ids[i + 1]] for i in range(first, last + 1))
            before = 0.0 if text[: encoding.offsets[first][0]][-1:].isspace() or first == 0 else log_b[first]
            whole = (start == match.start(), end == match.end())
            if encoding.offsets[last][1] > end:  # the last token has the white space behind the word
                behind = 0.0
            else:
                behind = log_b[last + 1]
            if before and not vocabulary[ids[first + 1]][:1].isspace() or behind and last + 2 < len(ids) and not vocabulary[ids[last + 2]][:1].isspace():
                whole = (False, False)  # the white space has several tokens, none of which is in the mask
            corrected = None if not all(whole) else float(log_prob + behind - before)
            found.append({'part': part, 'text': text[start:end], 'char_start': start - low, 'char_end': end - low,
                          'log_prob': float(log_prob), 'log_prob_corrected': corrected})
    return found


def difference(a, b) -> float:
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b)
    return 0.0 if a == b else math.inf


folder, path = Path(sys.argv[1]), Path(sys.argv[2])
model = embedded_model(folder, np.float64)
tokenizer = tokenizers.Tokenizer.from_file(str(folder / 'tokenizer.json'))
tokenizer.encode_special_tokens = True
if sys.argv[3:] == ['write']:
    cases = [{'x': x, 'y': y, 'words': words(x, y)} for x, y in TEXTS]
    path.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + '\n')
worst, count = 0.0, 0
for case in json.loads(path.read_text()):
    found = words(case['x'], case['y'])
    assert len(found) == len(case['words'])
    for own, expected in zip(found, case['words']):
        count += 1
        worst = max([worst, *(difference(own[name], expected[name]) for name in own)])
print(f'words: {count} words, largest difference {worst:.1e}')
sys.exit(int(worst > TOLERANCE))
