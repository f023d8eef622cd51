"""Compare POST /v1/loss with the loss of transformers on the batches of real data collators.

    python check_collators.py MODEL_FOLDER

It starts logpr with the embedded model in the current folder, a checkout. The batches come from transformers' DataCollatorForLanguageModeling and DataCollatorForSeq2Seq and from the collator of
TRL's SFTTrainer, the losses from `model(input_ids, labels=labels).loss` in float64. Exits 1 when a loss is off by more
than 1e-4.
"""
import atexit
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import torch
from embedded_weights import embedded_model
from transformers import DataCollatorForLanguageModeling, DataCollatorForSeq2Seq, PreTrainedTokenizerFast
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling as SftCollator

TOLERANCE = 1e-4
TEXTS = [
    ('The children ran down to the', ' river and swam.'),
    ('Once upon a time', ' there was a king who had three daughters and a garden.'),
    ('Question: What is two and two? Answer:', ' four.'),
    ('He closed the door', ' and went to bed.'),
]


def address(output) -> str:
    for line in output:
        if found := re.search(r'http://127\.0\.0\.1:\d+', line):
            return found[0]
    raise SystemExit('logpr did not start')


def wait_until_ready() -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(f'{url}/readyz').close()
            return
        except urllib.error.HTTPError:
            time.sleep(0.5)
    raise SystemExit('logpr is not ready after a minute')


def logpr_loss(body: dict) -> dict:
    request = urllib.request.Request(f'{url}/v1/loss', json.dumps(body).encode(), {'content-type': 'application/json'})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def transformers_loss(batch: dict) -> float:
    with torch.no_grad():
        return model(input_ids=batch['input_ids'], attention_mask=batch.get('attention_mask'), labels=batch['labels']).loss.item()


def lists(batch: dict) -> dict:
    names = [name for name in ('input_ids', 'labels', 'attention_mask') if name in batch]
    return {name: batch[name].tolist() for name in names}


folder = Path(sys.argv[1])
model = embedded_model(folder, np.float64)
tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / 'tokenizer.json'), eos_token='<|endoftext|>', pad_token='<|endoftext|>')
rows = []
for prompt, completion in TEXTS:
    x, y = tokenizer(prompt).input_ids, [*tokenizer(completion).input_ids, tokenizer.eos_token_id]
    rows.append((x, y))
masked = [{'input_ids': x + y, 'labels': [-100] * len(x) + y} for x, y in rows]
batches = {
    'DataCollatorForLanguageModeling': DataCollatorForLanguageModeling(tokenizer, mlm=False)([{'input_ids': x + y} for x, y in rows]),
    'DataCollatorForSeq2Seq': DataCollatorForSeq2Seq(tokenizer)(masked),
    'DataCollatorForSeq2Seq, multiple of 8': DataCollatorForSeq2Seq(tokenizer, pad_to_multiple_of=8)(masked),
    'TRL SFT, completion only': SftCollator(pad_token_id=tokenizer.pad_token_id)(masked),
    'TRL SFT, whole text': SftCollator(pad_token_id=tokenizer.pad_token_id)([{'input_ids': x + y} for x, y in rows]),
}
shifted = lists(batches['DataCollatorForSeq2Seq'])
shifted['labels'] = [[*row[1:], -100] for row in shifted['labels']]
batches['labels that are shifted already'] = {name: torch.tensor(value) for name, value in shifted.items()}

service = subprocess.Popen(['node', 'bin/logpr.mjs', 'serve', '--port', '0'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
atexit.register(service.terminate)
url = address(service.stdout)
wait_until_ready()
worst = 0.0
for name, batch in batches.items():
    answer = logpr_loss(lists(batch))
    printed = transformers_loss(batch)
    differences = [abs(answer['loss_mean'] - printed)]
    means = []
    for i, result in enumerate(answer['results']):
        own = transformers_loss({field: batch[field][i : i + 1] for field in lists(batch)})
        means.append(own)
        differences.append(abs(result['loss_mean'] - own))
    differences.append(abs(answer['loss_mean_over_examples'] - float(np.mean(means))))
    reported = logpr_loss({**lists(batch), 'reported_loss': printed})['diagnosis']['reported_loss']
    assert reported['verdict'] == 'expected', reported
    worst = max(worst, *differences)
    codes = sorted({finding['code'] for result in answer['results'] for finding in result['diagnosis']['findings']})
    print(f'oracle: {name}: transformers {printed:.6f}, logpr {answer["loss_mean"]:.6f}, findings {", ".join(codes) or "none"}')
print(f'oracle: {len(batches)} batches of {len(rows)} rows, largest difference {worst:.1e}')
sys.exit(int(worst > TOLERANCE))
