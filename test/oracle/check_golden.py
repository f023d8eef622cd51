"""Recompute golden log-probabilities with transformers in float64, from the weights inside the ONNX file.

    python check_golden.py MODEL_FOLDER GOLDEN_JSON [EVERY]

Nothing of logpr takes part: the weights are read from model.onnx by node name, put into transformers' own
LlamaForCausalLM, and every EVERY-th item is scored in float64. Exits 1 when a value is off by more than 1e-6 nats, which
is far above float64 noise and far below what any wrong weight would do.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from embedded_weights import embedded_model

TOLERANCE = 1e-6
folder, golden_path = Path(sys.argv[1]), Path(sys.argv[2])
every = int(sys.argv[3]) if len(sys.argv) > 3 else 10
model = embedded_model(folder, np.float64)

golden = json.loads(golden_path.read_text())
items = golden['items'][::every]
worst = 0.0
for item in items:
    ids = torch.tensor([[golden['prefix_token'], *item['x_ids'], *item['y_ids']]])
    with torch.no_grad():
        log_probs = torch.log_softmax(model(ids).logits[0, :-1], -1).gather(1, ids[0, 1:, None])[:, 0]
    expected = torch.tensor(item['log_probs_x'] + item['log_probs_y'], dtype=torch.float64)
    worst = max(worst, (log_probs - expected).abs().max().item())

failed = int(worst > TOLERANCE)
print(f'oracle: {len(items)} items, largest difference {worst:.1e} nats a token')
sys.exit(failed)
