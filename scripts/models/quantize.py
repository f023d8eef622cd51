"""The dtypes that onnx-community publishes beside fp32, with the recipe of transformers.js' scripts/quantize.py."""

import contextlib
import io
import logging
import warnings
from pathlib import Path

import onnx
from onnx import TensorProto
from onnxconverter_common import float16
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_bnb4_quantizer import MatMulBnb4Quantizer
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

SUFFIX_OF_DTYPE = {
    "fp32": "",
    "fp16": "_fp16",
    "q4": "_q4",
    "q4f16": "_q4f16",
    "bnb4": "_bnb4",
    "int8": "_int8",
    "uint8": "_uint8",
    "q8": "_quantized",
}
INTEGERS = {"int8": QuantType.QInt8, "uint8": QuantType.QUInt8, "q8": QuantType.QInt8}
BLOCK = 32


def quantize(source: Path, target: Path, dtype: str) -> None:
    """Converts `source` (fp32) to `dtype`, a key of SUFFIX_OF_DTYPE."""
    logging.disable(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dtype in INTEGERS:
            options = {"EnableSubgraph": True, "MatMulConstBOnly": True}
            quantize_dynamic(source, target, weight_type=INTEGERS[dtype], per_channel=False, reduce_range=False, extra_options=options)
        elif dtype in ("q4", "q4f16"):
            quantizer = MatMulNBitsQuantizer(onnx.load(source), block_size=BLOCK, is_symmetric=True)
            quantizer.process()
            model = quantizer.model.model
            onnx.save(to_float16(model) if dtype == "q4f16" else model, target)
        elif dtype == "bnb4":
            quantizer = MatMulBnb4Quantizer(onnx.load(source), quant_type=MatMulBnb4Quantizer.NF4, block_size=64)
            quantizer.process()
            onnx.save(quantizer.model.model, target)
        else:
            onnx.save(to_float16(onnx.load(source)), target)
    logging.disable(logging.NOTSET)


def to_float16(model: onnx.ModelProto, keep_io_types: bool = True) -> onnx.ModelProto:
    """Half precision inside. With `keep_io_types`, caches and logits stay float32.

    The converter leaves the graph's own casts to float32 as they are, so that halves would meet floats behind them: they
    become casts to float16, as in the script of transformers.js.
    """
    separate_outputs(model)
    casts = {node.output[0] for node in model.graph.node if node.op_type == "Cast"}
    model = float16.convert_float_to_float16(onnx.shape_inference.infer_shapes(model), keep_io_types=keep_io_types, disable_shape_infer=True)
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT and node.output[0] in casts:
                attribute.i = TensorProto.FLOAT16
    del model.graph.value_info[:]
    return model


def separate_outputs(model: onnx.ModelProto) -> None:
    """Adds an Identity before each output. Without it, the converter gives nodes that read a cache its float32 copy."""
    for value in model.graph.output:
        inner = f"{value.name}_inner"
        for node in model.graph.node:
            node.input[:] = [inner if name == value.name else name for name in node.input]
            node.output[:] = [inner if name == value.name else name for name in node.output]
        model.graph.node.append(onnx.helper.make_node("Identity", [inner], [value.name], f"{value.name}_out"))
