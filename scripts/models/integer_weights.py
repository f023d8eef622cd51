"""Converts signed weights of integer products to unsigned ones, which changes no product."""

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

OFFSET = 128
"""int8 w with zero point z and uint8 w + 128 with zero point z + 128 represent the same value."""


def with_unsigned_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without VNNI, x86 saturates sums of two products of unsigned by signed bytes, but adds those of unsigned bytes exactly.

    onnxruntime has an option against that, which does not reach weights that a subgraph takes from the graph around it.
    """
    graphs = list(all_graphs(model.graph))
    products = [node for graph in graphs for node in graph.node if node.op_type == "MatMulInteger"]
    wanted = {name for node in products for name in (node.input[1], node.input[3])}
    for graph in graphs:
        for tensor in graph.initializer:
            if tensor.name in wanted and tensor.data_type == TensorProto.INT8:
                unsigned = (numpy_helper.to_array(tensor).astype(np.int16) + OFFSET).astype(np.uint8)
                tensor.CopyFrom(numpy_helper.from_array(unsigned, tensor.name))
    return model


def all_graphs(graph: onnx.GraphProto):
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from all_graphs(attribute.g)
