"""Measure a trained folder: bits per byte on held-out books, over all and by position, and accuracy on BLiMP pairs.

    python evaluate.py MODEL_FOLDER CORPUS_FOLDER BLIMP_FILE [--tokenizer FILE] [--every 4] [--limit N]

CORPUS_FOLDER holds valid.txt and test.txt, or the same packed as .xz. Each text is cut into windows of 511 tokens,
each run after the prefix token, of which every fourth is taken. BLIMP_FILE has one JSON object a line with `good`,
`bad` and `field`; a pair counts as right when the good sentence is the more probable one. JSON to stdout.
"""
import argparse
import json
import lzma
import math
from collections import defaultdict
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

PREFIX_TOKEN = 0
WINDOW = 511  # tokens after the prefix token, at positions 1 to 511
BANDS = {'1-127': slice(0, 127), '128-255': slice(127, 255), '256-383': slice(255, 383), '384-511': slice(383, 511)}
BLIMP_ROWS = 64  # sentences a forward pass


@torch.no_grad()
def log_probs(model: LlamaForCausalLM, rows: list[list[int]]) -> torch.Tensor:
    """Log-probability in nats of every token after the prefix token, (rows, longest) float64, 0 where a row has ended."""
    longest = max(map(len, rows))
    ids = torch.full((len(rows), 1 + longest), PREFIX_TOKEN)
    inside = torch.zeros(len(rows), longest, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, 1:1 + len(row)] = torch.tensor(row)
        inside[i, :len(row)] = True
    # Padding lies to the right, where a causal model does not look: no attention mask is needed.
    logits = model(ids[:, :-1], use_cache=False).logits.double()
    return torch.log_softmax(logits, -1).gather(2, ids[:, 1:, None])[..., 0] * inside


def read_text(corpus: Path, split: str) -> str:
    plain = corpus / f'{split}.txt'
    return plain.read_text() if plain.exists() else lzma.open(corpus / f'{split}.txt.xz', 'rt').read()


def evenly(items: list, limit: int | None) -> list:
    """At most `limit` of the items, spread over all of them."""
    if limit is None or limit >= len(items):
        return items
    return [items[i * len(items) // limit] for i in range(limit)]


def held_out(model: LlamaForCausalLM, tokenizer: Tokenizer, text: str, every: int, limit: int | None) -> dict:
    """Bits per byte and nats a token of a text, and bits per byte of the tokens in each band of positions."""
    # A token of a byte-level vocabulary is spelled with one character a byte.
    lengths = torch.tensor([len(tokenizer.id_to_token(i)) for i in range(tokenizer.get_vocab_size())])
    ids = tokenizer.encode(text).ids
    starts = evenly(list(range(0, len(ids) - WINDOW + 1, WINDOW * every)), limit)
    nats = torch.zeros(WINDOW, dtype=torch.float64)
    size = torch.zeros(WINDOW, dtype=torch.float64)  # bytes
    for start in starts:
        window = ids[start:start + WINDOW]
        nats -= log_probs(model, [window])[0]
        size += lengths[window]

    def bits_per_byte(band: slice) -> float:
        return (nats[band].sum() / size[band].sum() / math.log(2)).item()

    return {
        'windows': len(starts),
        'bits_per_byte': bits_per_byte(slice(None)),
        'nats_per_token': nats.sum().item() / (len(starts) * WINDOW),
        'bits_per_byte_by_position': {name: bits_per_byte(band) for name, band in BANDS.items()},
    }


def blimp(model: LlamaForCausalLM, tokenizer: Tokenizer, pairs: list[dict]) -> dict:
    """Share of pairs whose good sentence has the higher log-probability, by field of linguistics and over all."""
    right = defaultdict(list)
    for start in range(0, len(pairs), BLIMP_ROWS // 2):
        part = pairs[start:start + BLIMP_ROWS // 2]
        rows = [tokenizer.encode(pair[kind]).ids for pair in part for kind in ('good', 'bad')]
        for pair, (good, bad) in zip(part, log_probs(model, rows).sum(1).view(-1, 2).tolist()):
            for field in (pair['field'].replace('/', '_'), 'all'):
                right[field].append(good > bad)
    return {'pairs': len(pairs)} | {field: sum(hits) / len(hits) for field, hits in sorted(right.items())}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('model', type=Path)
    arguments.add_argument('corpus', type=Path)
    arguments.add_argument('blimp', type=Path)
    arguments.add_argument('--tokenizer', type=Path, help='tokenizer.json, when it does not lie with the model')
    arguments.add_argument('--every', type=int, default=4, help='take every so manieth window of a text')
    arguments.add_argument('--limit', type=int, help='at most so many windows of a text and so many pairs, for a quick look')
    options = arguments.parse_args()

    tokenizer = Tokenizer.from_file(str(options.tokenizer or options.model / 'tokenizer.json'))
    model = LlamaForCausalLM.from_pretrained(options.model).float().eval()
    figures = {split: held_out(model, tokenizer, read_text(options.corpus, split), options.every, options.limit)
               for split in ('valid', 'test')}
    pairs = [json.loads(line) for line in options.blimp.read_text().splitlines()]
    figures['blimp'] = blimp(model, tokenizer, evenly(pairs, options.limit))
    print(json.dumps(figures, indent=1))


if __name__ == '__main__':
    main()
