"""Compare an exported folder, run by onnxruntime in float32, with the torch model it came from, in float64."""
import os
from pathlib import Path

# Before the import: onnxruntime sends telemetry otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

TOKENS = 300
TOLERANCE = 1e-4  # nats, the largest difference of any log-probability


def empty_past(session: onnxruntime.InferenceSession, rows: int) -> dict[str, np.ndarray]:
    """Past keys and values of length 0 for every layer, each (rows, key-value heads, 0, head size) float32."""
    return {entry.name: np.zeros((rows, entry.shape[1], 0, entry.shape[3]), np.float32)
            for entry in session.get_inputs() if entry.name.startswith('past_key_values.')}


def run(session: onnxruntime.InferenceSession, ids: np.ndarray, mask: np.ndarray, positions: np.ndarray,
        past: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All outputs by name, with `log_probs` (rows, tokens, vocabulary) float64 in place of the logits."""
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(
        names, {'input_ids': ids, 'attention_mask': mask, 'position_ids': positions} | past)))
    outputs['log_probs'] = torch.log_softmax(torch.from_numpy(outputs.pop('logits')).double(), -1).numpy()
    return outputs


def compare_with_torch(trained: Path, exported: Path, text: str) -> None:
    """Print the largest difference in nats over the whole vocabulary of every way to run a text of 300 tokens."""
    ids = np.array([0] + Tokenizer.from_file(str(exported / 'tokenizer.json')).encode(text).ids[:TOKENS - 1])[None]
    torch_model = AutoModelForCausalLM.from_pretrained(trained).double().eval()
    with torch.no_grad():
        expected = torch.log_softmax(torch_model(torch.from_numpy(ids)).logits, -1).numpy()

    session = onnxruntime.InferenceSession(exported / 'model.onnx', providers=['CPUExecutionProvider'])
    positions = np.arange(TOKENS)[None]
    differences = {}

    plain = run(session, ids, np.ones_like(ids), positions, empty_past(session, 1))
    differences['alone'] = np.abs(plain['log_probs'] - expected).max()

    short = 170
    for side in ('right', 'left'):
        # The second row is the first 170 tokens, padded with a token that must not be seen.
        here = slice(0, short) if side == 'right' else slice(TOKENS - short, TOKENS)
        rows, mask, places = np.full((2, TOKENS), 7), np.zeros((2, TOKENS), np.int64), np.zeros((2, TOKENS), np.int64)
        rows[0], mask[0], places[0] = ids[0], 1, positions[0]
        rows[1, here], mask[1, here], places[1, here] = ids[0, :short], 1, positions[0, :short]
        padded = run(session, rows, mask, places, empty_past(session, 2))['log_probs']
        differences[f'padded {side}'] = max(np.abs(padded[0] - expected[0]).max(),
                                            np.abs(padded[1, here] - expected[0, :short]).max())

    split = 100
    first = run(session, ids[:, :split], np.ones((1, split), np.int64), positions[:, :split], empty_past(session, 1))
    past = {name.replace('present', 'past_key_values'): value for name, value in first.items() if name != 'log_probs'}
    rest = run(session, ids[:, split:], np.ones_like(ids), positions[:, split:], past)
    differences['after a past'] = np.abs(rest['log_probs'] - expected[:, split:]).max()

    for way, difference in differences.items():
        print(f'largest difference from float64, {way}: {difference:.2e} nats')
        assert difference <= TOLERANCE, f'{way}: {difference} exceeds {TOLERANCE}'
