"""The weights in the embedded model's ONNX file by their names in transformers."""
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from transformers import LlamaConfig, LlamaForCausalLM


def weights_of(path: Path, dtype: type) -> dict[str, torch.Tensor]:
    """Parameters by transformers' names. Linear weights are stored (in, out) under the name of the node that uses them."""
    graph = onnx.load(path).graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    weights = {name: value for name, value in tensors.items() if name.startswith('model.')}
    for node in graph.node:
        matrix = next((name for name in node.input if name.startswith('onnx::MatMul')), None)
        if node.op_type == 'MatMul' and matrix is not None:
            weights[node.name.strip('/').removesuffix('/MatMul').replace('/', '.') + '.weight'] = tensors[matrix].T
    return {name: torch.from_numpy(np.array(value, dtype=dtype)) for name, value in weights.items()}


def embedded_model(folder: Path, dtype: type) -> LlamaForCausalLM:
    """transformers' own LlamaForCausalLM with the weights of folder/model.onnx; asserts that every weight has its place."""
    model = LlamaForCausalLM(LlamaConfig.from_pretrained(folder))
    model = (model.double() if dtype is np.float64 else model.float()).eval()
    missing, unexpected = model.load_state_dict(weights_of(folder / 'model.onnx', dtype), strict=False)
    assert not unexpected and set(missing) <= {'lm_head.weight'}, (missing, unexpected)
    model.tie_weights()
    return model
