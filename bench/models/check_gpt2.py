"""Compares a small random GPT-2 written by make-gpt2.ts with transformers' GPT2LMHeadModel holding the same weights.

    npm run build && python bench/models/check_gpt2.py

Three passes, each over every position that is not padding: right padding, left padding, and a second half fed after
the first half's keys and values. Needs torch, transformers, onnx and onnxruntime; exits with 1 when a logit differs
by more than 1e-4.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

# Before the import: onnxruntime sends telemetry otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import torch  # noqa: E402
from transformers import GPT2LMHeadModel  # noqa: E402

sys.path.append(str(Path(__file__).parents[1] / "peers"))
from weights import gpt2  # noqa: E402

MAKE = Path(__file__).parents[2] / "dist/bench/models/make-gpt2.js"
LAYERS, HIDDEN, HEADS, VOCAB, POSITIONS = 2, 64, 4, 503, 64
# Large, so that attention is not uniform nor the activation linear, and a fault in either shows.
DEVIATION = 0.2
BATCH, LENGTH = 3, 20
TOLERANCE = 1e-4


def empty_past() -> dict[str, np.ndarray]:
    empty = np.zeros((BATCH, HEADS, 0, HIDDEN // HEADS), np.float32)
    return {f"past_key_values.{i}.{kind}": empty for i in range(LAYERS) for kind in ("key", "value")}


def logits_of(model: GPT2LMHeadModel, ids: np.ndarray, mask: np.ndarray, positions: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        output = model(torch.tensor(ids), attention_mask=torch.tensor(mask), position_ids=torch.tensor(positions))
    return output.logits.numpy()


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shape = map(str, (LAYERS, HIDDEN, HEADS, VOCAB, POSITIONS, DEVIATION))
        subprocess.run(["node", MAKE, folder, *shape], check=True)
        session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
        model = gpt2(folder, torch.float64)

    random = np.random.default_rng(0)
    ids = random.integers(0, VOCAB, (BATCH, LENGTH))
    lengths = np.array([LENGTH, 13, 5])
    straight = np.tile(np.arange(LENGTH), (BATCH, 1))
    right = (straight < lengths[:, None]).astype(np.int64)
    left = right[:, ::-1].copy()
    worst = 0.0

    for label, mask, positions in (
        ("right padding", right, straight),
        ("left padding", left, np.maximum(left.cumsum(1) - 1, 0)),
    ):
        feeds = {"input_ids": ids, "attention_mask": mask, "position_ids": positions, **empty_past()}
        wanted = logits_of(model, ids, mask, positions)
        difference = float(np.abs(session.run(["logits"], feeds)[0] - wanted)[mask == 1].max())
        worst = max(worst, difference)
        print(f"{label}: logits from {wanted.min():.3f} to {wanted.max():.3f}, max difference {difference:.2e}")

    half = LENGTH // 2
    mask = np.ones_like(ids)
    names = [output.name for output in session.get_outputs()]
    first = session.run(
        None, {"input_ids": ids[:, :half], "attention_mask": mask[:, :half], "position_ids": straight[:, :half], **empty_past()}
    )
    past = {name.replace("present", "past_key_values"): value for name, value in zip(names, first) if name != "logits"}
    second = session.run(
        ["logits"], {"input_ids": ids[:, half:], "attention_mask": mask, "position_ids": straight[:, half:], **past}
    )
    joined = np.concatenate([first[names.index("logits")], second[0]], axis=1)
    difference = float(np.abs(joined - logits_of(model, ids, mask, straight)).max())
    worst = max(worst, difference)
    print(f"two halves with a cache: max difference {difference:.2e}")
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
