"""The references for logpr's scores: transformers in float64, and the same file in bare onnxruntime."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import PreTrainedModel

from integer_weights import all_graphs, with_unsigned_weights


class InFloat64(TorchDispatchMode):
    """Makes casts to float32 go to float64: norms, softmax and rotary positions always request float32."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if kwargs.get("dtype") is torch.float32:
            kwargs["dtype"] = torch.float64
        return func(*args, **kwargs)


def float64_log_probs(model: PreTrainedModel, texts: list[list[int]]) -> list[list[float]]:
    """Log-probabilities of every token after the first, nats; each text alone and without a cache."""
    model = model.double()
    found = []
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        for ids in texts:
            with torch.no_grad(), InFloat64():
                logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
            assert logits.dtype == torch.float64, logits.dtype
            found.append(of_targets(torch.log_softmax(logits, -1).numpy(), ids))
    finally:
        torch.set_default_dtype(default)
    return found


def onnxruntime_log_probs(path: Path, texts: list[list[int]], head_size: int) -> list[list[float]]:
    """The same from the file that logpr reads.

    Each text alone and without its last token, full logits, log-softmax in float64.

    `head_size` is for graphs that name the last dimension of their caches only by a symbol.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    graph = onnx.load(path, load_external_data=False)
    multiplies_integers = any(node.op_type == "MatMulInteger" for inner in all_graphs(graph.graph) for node in inner.node)
    source = with_unsigned_weights(graph).SerializeToString() if multiplies_integers else path
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    output = next(o.name for o in session.get_outputs() if "logits" in o.name)
    found = []
    for ids in texts:
        feeds = {i.name: feed(i, ids[:-1], head_size) for i in session.get_inputs()}
        logits = torch.from_numpy(session.run([output], feeds)[0][0].astype(np.float64))
        found.append(of_targets(torch.log_softmax(logits, -1).numpy(), ids))
    return found


def of_targets(log_probs: np.ndarray, ids: list[int]) -> list[float]:
    """At least S - 1 rows of V and S ids -> the S - 1 log-probabilities of ids[1:]."""
    return [float(log_probs[i, token]) for i, token in enumerate(ids[1:])]


def feed(wanted, ids: list[int], head_size: int) -> np.ndarray:
    """An input for a single text: an empty past, a mask of ones, positions from 0."""
    integer = np.int32 if wanted.type == "tensor(int32)" else np.int64
    length = len(ids)
    if wanted.name == "input_ids":
        return np.array([ids], integer)
    if wanted.name == "attention_mask":
        return np.ones((1, length), integer)
    if wanted.name == "position_ids":
        return np.arange(length, dtype=integer)[None]
    if wanted.name == "use_cache_branch":
        return np.array([False])
    if wanted.name == "num_logits_to_keep":
        return np.array(0, np.int64)
    half = wanted.type == "tensor(float16)"
    _, heads, _, size = wanted.shape
    return np.zeros((1, heads, 0, size if isinstance(size, int) else head_size), np.float16 if half else np.float32)
