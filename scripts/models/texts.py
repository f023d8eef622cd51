"""Token ids of the texts that every model scores: prefix token first, some longer than any sliding window."""

from pathlib import Path

import numpy as np

from tokenizer import BOS_ID, SENTENCES, VOCAB_SIZE, trained

LENGTHS = (1, 2, 7, 19, 41, 83, 126, 200)


def texts() -> list[list[int]]:
    """Every second text has random ids, so that the whole vocabulary is used; the others are sentences."""
    random = np.random.RandomState(7)
    words = trained().encode(" ".join(SENTENCES.read_text("utf8").splitlines()), add_special_tokens=False).ids
    found = []
    for i, length in enumerate(LENGTHS):
        ids = words[500 * i : 500 * i + length] if i % 2 else random.randint(2, VOCAB_SIZE, length).tolist()
        found.append([BOS_ID, *ids])
    return found
