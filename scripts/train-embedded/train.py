"""Train the embedded model further, from the weights of an earlier run or from scratch.

    python train.py START_FOLDER|scratch TOKENS_FOLDER OUT_FOLDER --minutes 120 [--window 512] [--batch 12]

Every window is [prefix token] ++ the 511 tokens from the start of a paragraph, so the model sees all positions up
to 511 and always begins where scoring begins. The learning rate is warmed up and then falls linearly to zero over
the wall-clock budget; a number of minutes written to OUT_FOLDER/minutes replaces the budget while it runs.
"""
import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from muon import Muon
from transformers import LlamaConfig, LlamaForCausalLM

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument('start')
arguments.add_argument('tokens', type=Path)
arguments.add_argument('out', type=Path)
arguments.add_argument('--minutes', type=float, required=True)
arguments.add_argument('--window', type=int, default=512)
arguments.add_argument('--batch', type=int, default=12, help='windows a step')
arguments.add_argument('--rows', type=int, default=4, help='windows a forward pass: few, so that activations stay in the allocator')
arguments.add_argument('--seed', type=int, default=0)
arguments.add_argument('--learning-rate', type=float, default=1.5e-3)
arguments.add_argument('--weight-decay', type=float, default=0.1)
arguments.add_argument('--steps', type=int, help='stop after so many steps (to time a step)')
options = arguments.parse_args()

PREFIX_TOKEN = 0
WARMUP_STEPS = 60
torch.manual_seed(options.seed)
torch.set_num_threads(2)
rng = np.random.default_rng(options.seed)

config = LlamaConfig(
    vocab_size=4096, hidden_size=256, intermediate_size=704, num_hidden_layers=6, num_attention_heads=8,
    num_key_value_heads=4, max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=PREFIX_TOKEN,
    eos_token_id=PREFIX_TOKEN, pad_token_id=None, rms_norm_eps=1e-5)
model = LlamaForCausalLM(config) if options.start == 'scratch' else LlamaForCausalLM.from_pretrained(options.start)
model = model.float()
train = np.load(options.tokens / 'train.npy').astype(np.int64)
valid = np.load(options.tokens / 'valid.npy').astype(np.int64)
starts = np.load(options.tokens / 'train_starts.npy')
starts = starts[starts < len(train) - options.window]

in_layers = [p for n, p in model.named_parameters() if 'layers' in n and p.dim() == 2]
others = [p for n, p in model.named_parameters() if not ('layers' in n and p.dim() == 2)]
optimizers = [
    Muon(in_layers, lr=options.learning_rate, weight_decay=options.weight_decay),
    torch.optim.AdamW(others, lr=options.learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
]


def epochs():
    """Every paragraph start once an epoch, in random order; windows overlap, since a paragraph is shorter."""
    while True:
        yield from rng.permutation(starts)


order = epochs()


def batch() -> torch.Tensor:
    """(batch, window) ids, each row beginning with the prefix token."""
    x = np.full((options.batch, options.window), PREFIX_TOKEN, dtype=np.int64)
    for row in x:
        a = next(order)
        row[1:] = train[a:a + options.window - 1]
    return torch.from_numpy(x)


@torch.no_grad()
def validate(windows: int = 60) -> float:
    """Nats a token on windows spread over valid.txt."""
    model.eval()
    total = 0.0
    for i in range(windows):
        a = i * (len(valid) - options.window) // windows
        x = torch.from_numpy(np.concatenate([[PREFIX_TOKEN], valid[a:a + options.window - 1]]))[None]
        total += model(x, labels=x).loss.item()
    model.train()
    return total / windows


def budget_seconds() -> float:
    override = options.out / 'minutes'
    return 60 * (float(override.read_text()) if override.exists() else options.minutes)


options.out.mkdir(parents=True, exist_ok=True)
step, began = 0, time.monotonic()
print(f'{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, valid {validate():.4f}', flush=True)
model.train()
while step != options.steps:
    elapsed = (time.monotonic() - began) / budget_seconds()
    if elapsed >= 1:
        break
    rate = options.learning_rate * min(1, (step + 1) / WARMUP_STEPS) * (1 - elapsed)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group['lr'] = rate
    x = batch()
    loss = 0.0
    for rows in x.split(options.rows):
        part = model(rows, labels=rows, use_cache=False).loss * (len(rows) / len(x))
        part.backward()
        loss += part.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    step += 1
    if step % 20 == 0:
        seconds = time.monotonic() - began
        print(f'{step} {seconds:.0f}s loss {loss:.4f} rate {rate:.2e} '
              f'{step * x.numel() / seconds:.0f} tokens/s', flush=True)
    if step % 200 == 0:
        print('valid', validate(), flush=True)
        model.save_pretrained(options.out)

final = validate()
model.save_pretrained(options.out)
(options.out / 'training.json').write_text(json.dumps({
    'steps': step, 'tokens': step * options.batch * options.window, 'window': options.window, 'batch': options.batch,
    'seed': options.seed, 'valid_nats_per_token': final, 'bits_per_token': final / math.log(2)}, indent=1))
print('final valid', final, 'after', step, 'steps', flush=True)
