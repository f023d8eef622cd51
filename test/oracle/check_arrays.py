"""Compare the arrays of /v1/logprob with transformers in float64.

    python check_arrays.py MODEL_FOLDER FOLDER [FIXTURE_JSON]

FOLDER is what print-arrays.js wrote. Nothing of logpr takes part here: numpy.load reads the file, and transformers scores
the ids. Also computes the loss of a distillation on the top k tokens from both. With FIXTURE_JSON, writes the expected
values of some sequences, for test/http/logprob.arrays.test.ts. Exits 1 when a value is off.
"""
import json
import sys
from pathlib import Path

import numpy as np
import tokenizers
import torch
from embedded_weights import embedded_model

# Float32 against float64, nats.
TOLERANCE = 2e-4
PREFIX_TOKEN = 0
FIXTURE_TOP = 8

folder, answers = Path(sys.argv[1]), Path(sys.argv[2])
model = embedded_model(folder, np.float64)
tokenizer = tokenizers.Tokenizer.from_file(str(folder / 'tokenizer.json'))
request = json.loads((answers / 'request.json').read_text())
file = np.load(answers / 'response.npz', allow_pickle=False)
meta = json.loads(file['meta'].tobytes())
response = json.loads((answers / 'response.json').read_text())
k = request['top_logprobs']
splits = file['row_splits']
assert splits[-1] == len(file['ids']) == len(file['log_probs']) and file['top_ids'].shape == (splits[-1], k)


def log_probs_of(ids: list[int], network: torch.nn.Module = model) -> torch.Tensor:
    """(n, V): row i predicts token i; row 0 is NaN."""
    with torch.no_grad():
        rows = torch.log_softmax(network(torch.tensor([ids])).logits[0].double(), -1)
    return torch.cat([torch.full((1, rows.shape[1]), torch.nan, dtype=torch.float64), rows[:-1]])


def ids_of(pair: dict) -> list[int]:
    if 'ids' in pair:
        return pair['ids']
    return [PREFIX_TOKEN, *tokenizer.encode(pair['x'] + pair['y']).ids]


def bytes_of(token: int) -> int:
    """Length of the bytes that a token spells: byte-level tokenizers write each byte as one character."""
    return 0 if token == PREFIX_TOKEN else len(tokenizer.id_to_token(token))


def distillation_loss(teacher_ids, teacher_log_probs, student) -> float:
    """Mean over positions of KL(teacher || student) on the teacher's top k tokens, both normalised over these, as distillation on a sparse teacher does."""
    teacher = torch.log_softmax(torch.as_tensor(teacher_log_probs, dtype=torch.float64), -1)
    own = torch.log_softmax(student.gather(1, torch.as_tensor(teacher_ids, dtype=torch.int64)), -1)
    return (teacher.exp() * (teacher - own)).sum(-1).mean().item()


# A student that differs from the teacher: the model without its last layer.
student = embedded_model(folder, np.float64)
student.model.layers = student.model.layers[:-1]

worst = dict.fromkeys(['log_prob', 'sum', 'entropy', 'top log_prob', 'loss'], 0.0)
counts = dict.fromkeys(['tokens', 'top ids', 'top ids that differ', 'of these with a gap above the tolerance'], 0)
losses = []


def note(name: str, difference: float) -> None:
    worst[name] = max(worst[name], float(difference))


for i, pair in enumerate(request['pairs']):
    at = slice(splits[i], splits[i + 1])
    result = response['results'][i]
    if result['object'] == 'logprob.failure':
        assert meta['results'][i]['error'] == result['error'] and at.start == at.stop and len(pair['ids']) == 1
        continue
    ids = ids_of(pair)
    start = pair.get('from', 0)
    assert file['starts'][i] == result['from'] == start
    assert file['ids'][at].tolist() == result['ids'] == ids[start:]
    expected = log_probs_of(ids)
    own = expected.gather(1, torch.tensor(ids)[:, None])[start:, 0].numpy()
    scored = ~np.isnan(own)
    assert scored.tolist() == [start + j > 0 for j in range(len(own))]
    found = file['log_probs'][at]
    assert (np.isnan(found) == ~scored).all()
    counts['tokens'] += int(scored.sum())
    note('log_prob', np.abs(found[scored] - own[scored]).max())
    # The part behind `from`, or y: the prefix and x come before it.
    behind = max(1, start) if 'ids' in pair else 1 + len(tokenizer.encode(pair['x']).ids)
    note('sum', abs(file['conditional'][i] - own[behind - start :].sum()) / (len(ids) - behind))
    probabilities = expected[start:].exp()
    note('entropy', np.abs(file['entropies'][at][scored] + torch.xlogy(probabilities, probabilities).sum(-1).numpy()[scored]).max())
    ranks = 1 + (expected[start:] > expected[start:].gather(1, torch.tensor(ids[start:])[:, None])).sum(-1).numpy()
    gaps = np.abs(expected[start:].numpy() - own[:, None])
    near = (gaps < TOLERANCE).sum(-1) - 1
    assert (np.abs(file['ranks'][at] - ranks)[scored] <= near[scored]).all()

    top = expected[start:].topk(k)
    top_ids, top_log_probs = file['top_ids'][at][scored], file['top_log_probs'][at][scored]
    values = top.values.numpy()[scored]
    note('top log_prob', np.abs(top_log_probs - values).max())
    differ = top_ids != top.indices.numpy()[scored]
    counts['top ids'] += differ.size
    counts['top ids that differ'] += int(differ.sum())
    # An id in another place must have nearly the log-prob of the one that belongs there.
    there = np.take_along_axis(expected[start:].numpy()[scored], top_ids.astype(np.int64), 1)
    counts['of these with a gap above the tolerance'] += int((np.abs(there - values)[differ] > TOLERANCE).sum())

    # The same numbers in JSON.
    for name in ('log_probs', 'entropies', 'ranks', 'byte_starts', 'byte_ends'):
        listed = np.array([np.nan if value is None else value for value in result[name]])
        flat = file[name][at].astype(np.float64)
        flat[flat == -1] = np.nan
        assert np.array_equal(listed, np.where(np.isnan(listed), np.nan, flat), equal_nan=True), name
    assert [row for row in result['top_ids'] if row is not None] == top_ids.tolist()
    assert np.array_equal(np.array([row for row in result['top_log_probs'] if row is not None]), top_log_probs.astype(np.float64))

    ends = np.cumsum([bytes_of(token) for token in ids])[start:]
    spelled = np.array([bytes_of(token) > 0 for token in ids])[start:]
    assert (file['byte_ends'][at] == np.where(spelled, ends, -1)).all()
    assert (file['byte_starts'][at] == np.where(spelled, ends - [bytes_of(token) for token in ids[start:]], -1)).all()

    student_rows = log_probs_of(ids, student)[start:][torch.tensor(scored)]
    ours = distillation_loss(top_ids, top_log_probs, student_rows)
    theirs = distillation_loss(top.indices[torch.tensor(scored)], top.values[torch.tensor(scored)], student_rows)
    losses.append(theirs)
    note('loss', abs(ours - theirs))

print(f"oracle: {counts['tokens']} tokens of {len(request['pairs'])} sequences, top {k}: largest differences", {name: f'{value:.1e}' for name, value in worst.items()})
print(f"oracle: {counts['top ids that differ']} of {counts['top ids']} top ids differ, {counts['of these with a gap above the tolerance']} of them by more than {TOLERANCE}")
print(f'oracle: distillation loss on the top {k} from torch {np.mean(losses):.6f}, from the arrays within {worst["loss"]:.1e}')

if len(sys.argv) > 3:
    cases = []
    for pair in [request['pairs'][0], request['pairs'][29]]:
        rows, start = log_probs_of(pair['ids']), pair.get('from', 0)
        top = rows[max(1, start) :].topk(FIXTURE_TOP)
        own = rows.gather(1, torch.tensor(pair['ids'])[:, None])[max(1, start) :, 0]
        cases.append({**pair, 'log_probs': own.tolist(), 'top_ids': top.indices.tolist(), 'top_log_probs': top.values.tolist()})
    Path(sys.argv[3]).write_text(json.dumps(cases) + '\n')
sys.exit(int(max(worst.values()) > TOLERANCE or counts['of these with a gap above the tolerance'] > 0))
