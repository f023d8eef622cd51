"""Turn train.txt and valid.txt of a corpus folder into token id arrays, cut at paragraphs.

    python tokenize_corpus.py TOKENIZER_FOLDER CORPUS_FOLDER OUT_FOLDER

Writes for each split `{split}.npy` (N,) uint16, the ids of the whole text, and `{split}_starts.npy` (P,) int64,
the positions at which a paragraph begins: training windows start there, right after the prefix token.
"""
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

folder, corpus, out = map(Path, sys.argv[1:4])
tokenizer = Tokenizer.from_file(str(folder / 'tokenizer.json'))
out.mkdir(parents=True, exist_ok=True)

for split in ('train', 'valid'):
    text = (corpus / f'{split}.txt').read_text()
    paragraphs = [p + '\n\n' for p in text.split('\n\n') if p.strip()]
    ids, starts = [], []
    for encoding in tokenizer.encode_batch(paragraphs):
        starts.append(len(ids))
        ids += encoding.ids
    np.save(out / f'{split}.npy', np.array(ids, dtype=np.uint16))
    np.save(out / f'{split}_starts.npy', np.array(starts, dtype=np.int64))
    print(split, len(ids), 'tokens,', round(len(text.encode()) / len(ids), 3), 'bytes a token')
