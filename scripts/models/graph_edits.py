"""Layouts that no current exporter writes, built by editing the graph of an export."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT_OF_HALF = {TensorProto.FLOAT16: TensorProto.FLOAT}


def save(model: onnx.ModelProto, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.checker.check_model(model) if not any(t.data_location for t in model.graph.initializer) else None
    onnx.save(model, path)


def save_external(model: onnx.ModelProto, path: Path, files: int = 1, gap: int = 0) -> None:
    """Moves weights above 256 bytes to `<file>.onnx_data`, `.onnx_data_1`, ... in turn, each after `gap` bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [f"{path.name}_data" + (f"_{i}" if i else "") for i in range(files)]
    data = [bytearray() for _ in names]
    large = [t for t in model.graph.initializer if len(numpy_helper.to_array(t).tobytes()) > 256]
    for i, tensor in enumerate(large):
        raw = numpy_helper.to_array(tensor).tobytes()
        at = i * files // len(large)
        data[at] += bytes([0xA5]) * gap
        offset = len(data[at])
        data[at] += raw
        for kept in ("raw_data", "float_data", "int32_data", "int64_data"):
            tensor.ClearField(kept)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", names[at]), ("offset", offset), ("length", len(raw))):
            tensor.external_data.add(key=key, value=str(value))
    for name, content in zip(names, data, strict=True):
        (path.parent / name).write_bytes(content)
    onnx.save(model, path)


def add_num_logits_to_keep(model: onnx.ModelProto) -> None:
    """Adds the scalar input of exports for transformers.js, with a Slice before the head.

    0 returns all rows of logits, n the last n.
    """
    graph = model.graph
    head = next(node for node in graph.node if "logits" in node.output)
    start = helper.make_node("Neg", ["num_logits_to_keep"], ["keep_from"], "keep_from")
    starts = helper.make_node("Unsqueeze", ["keep_from", "keep_axis_0"], ["keep_starts"], "keep_starts")
    cut = helper.make_node("Slice", [head.input[0], "keep_starts", "keep_ends", "keep_axis"], ["kept_hidden"], "keep_slice")
    graph.initializer.extend(
        numpy_helper.from_array(np.array([value], np.int64), name)
        for name, value in (("keep_axis_0", 0), ("keep_ends", np.iinfo(np.int64).max), ("keep_axis", 1))
    )
    head.input[0] = "kept_hidden"
    at = list(graph.node).index(head)
    for node in (cut, starts, start):
        graph.node.insert(at, node)
    graph.input.append(helper.make_tensor_value_info("num_logits_to_keep", TensorProto.INT64, []))


def ids_as_int32(model: onnx.ModelProto) -> None:
    """Makes all integer inputs int32, with a Cast after each."""
    graph = model.graph
    for value in graph.input:
        kind = value.type.tensor_type
        if kind.elem_type != TensorProto.INT64:
            continue
        kind.elem_type = TensorProto.INT32
        wide = f"{value.name}_int64"
        for node in graph.node:
            for i, name in enumerate(node.input):
                if name == value.name:
                    node.input[i] = wide
        graph.node.insert(0, helper.make_node("Cast", [value.name], [wide], f"widen_{value.name}", to=TensorProto.INT64))


def inputs_embeds_only(model: onnx.ModelProto) -> None:
    """Removes the embedding table, as exports of multimodal models do."""
    graph = model.graph
    gather = next(node for node in graph.node if node.op_type == "Gather" and "input_ids" in node.input)
    width = next(t.dims[1] for t in graph.initializer if t.name == gather.input[0])
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == gather.output[0]:
                node.input[i] = "inputs_embeds"
            if name == "input_ids":
                node.input[i] = "attention_mask"
    graph.node.remove(gather)
    graph.input.remove(next(value for value in graph.input if value.name == "input_ids"))
    graph.input.append(helper.make_tensor_value_info("inputs_embeds", TensorProto.FLOAT, ["batch_size", "sequence_length", width]))


def add_recurrent_state(model: onnx.ModelProto) -> None:
    """Adds a convolution state beside the caches, as in hybrid models.

    It is added to the embeddings, so it cannot be omitted.
    """
    graph = model.graph
    gather = next(node for node in graph.node if node.op_type == "Gather" and "input_ids" in node.input)
    width = next(t.dims[1] for t in graph.initializer if t.name == gather.input[0])
    embedded = gather.output[0]
    gather.output[0] = "plain_embeddings"
    graph.input.append(helper.make_tensor_value_info("past_conv.0", TensorProto.FLOAT, ["batch_size", 1, width]))
    at = list(graph.node).index(gather) + 1
    graph.node.insert(at, helper.make_node("Add", ["plain_embeddings", "past_conv.0"], [embedded], "state"))
    graph.node.append(helper.make_node("Identity", ["past_conv.0"], ["present_conv.0"], "state_out"))
    graph.output.append(helper.make_tensor_value_info("present_conv.0", TensorProto.FLOAT, ["batch_size", 1, width]))


def cast_inputs_and_outputs(model: onnx.ModelProto, element_type: int) -> None:
    """Makes the interface that of a half-precision export: caches and logits have `element_type`, with Casts inside."""
    graph = model.graph
    for value in graph.input:
        if value.type.tensor_type.elem_type != TensorProto.FLOAT:
            continue
        value.type.tensor_type.elem_type = element_type
        inner = f"{value.name}_float"
        for node in graph.node:
            node.input[:] = [inner if name == value.name else name for name in node.input]
        graph.node.insert(0, helper.make_node("Cast", [value.name], [inner], inner, to=TensorProto.FLOAT))
    for value in graph.output:
        value.type.tensor_type.elem_type = element_type
        inner = f"{value.name}_float"
        for node in graph.node:
            node.output[:] = [inner if name == value.name else name for name in node.output]
            node.input[:] = [inner if name == value.name else name for name in node.input]
        graph.node.append(helper.make_node("Cast", [inner], [value.name], f"{value.name}_cast", to=element_type))
