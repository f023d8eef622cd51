"""onnxruntime in Python as most scripts use it: all logits come out, numpy does the rest. onnxruntime_logits.py MODEL_FOLDER THREADS

One text a run: on a CPU a text of some dozen tokens fills the matrix kernels, and padding would only add to it.
"""

import json
import os
import sys
from pathlib import Path

# Before the import: onnxruntime sends telemetry otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import work  # noqa: E402
import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402

folder, threads = Path(sys.argv[1]), int(sys.argv[2])
config = json.loads((folder / "config.json").read_text())
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
names = {value.name: value.shape for value in session.get_inputs()}
past = {name: np.zeros((1, shape[1], 0, shape[3]), np.float32) for name, shape in names.items() if name.startswith("past_key_values.")}


def logits_of(ids: list[int]) -> np.ndarray:
    row = np.array([ids], np.int64)
    feeds = {"input_ids": row, "attention_mask": np.ones_like(row), "position_ids": np.arange(len(ids), dtype=np.int64)[None], **past}
    return session.run(["logits"], {name: value for name, value in feeds.items() if name in names})[0][0]


def sum_of(item: dict) -> float:
    ids = item["context"] + item["continuation"]
    first = len(item["context"]) - 1
    rows = logits_of(ids[:-1])[first:]  # (continuation, V)
    highest = rows.max(-1, keepdims=True)
    log_sums = np.log(np.exp(rows - highest).sum(-1, keepdims=True)) + highest
    targets = np.array(item["continuation"])[:, None]
    return float((np.take_along_axis(rows, targets, -1) - log_sums).sum(dtype=np.float64))


work.serve(f"onnxruntime {onnxruntime.__version__} in Python, numpy {np.__version__}", lambda items, _: [sum_of(item) for item in items])
