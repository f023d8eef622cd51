"""transformers' own model with the weights of an ONNX file that the benchmarks serve."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

sys.path.append(str(Path(__file__).parents[2] / "test/oracle"))
from embedded_weights import embedded_model  # noqa: E402


def gpt2(folder: Path, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Initializers carry the names of the state dict; scalars and shapes are the graph's own."""
    model = GPT2LMHeadModel(GPT2Config.from_pretrained(folder)).to(dtype).eval()
    tensors = onnx.load(str(folder / "model.onnx")).graph.initializer
    state = {t.name: torch.tensor(numpy_helper.to_array(t), dtype=dtype) for t in tensors if t.name.startswith("transformer.")}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert missing in ([], ["lm_head.weight"]) and not unexpected, (missing, unexpected)
    model.tie_weights()
    return model


def model_of(folder: Path) -> PreTrainedModel:
    """The model of a folder with config.json and model.onnx, in float32."""
    is_gpt2 = json.loads((folder / "config.json").read_text())["model_type"] == "gpt2"
    return gpt2(folder) if is_gpt2 else embedded_model(folder, np.float32)
