"""Folders of onnxruntime-genai: GroupQueryAttention with rotary positions inside, genai_config.json, weights in model.onnx.data."""

import contextlib
import io
import logging
import sys
import tempfile
from pathlib import Path

import onnx
import onnxruntime_genai.models
from transformers import PreTrainedModel

from tokenizer import write_tokenizer

# The builder imports its own modules as top-level packages.
sys.path.insert(0, str(Path(onnxruntime_genai.models.__file__).parent))

PRECISIONS = ("fp32", "fp16", "int4")


def build(model: PreTrainedModel, folder: Path, precision: str, with_config: bool = False, **options: object) -> None:
    """Runs the builder for the CPU. It writes no config.json; `with_config` adds that of transformers, as many uploads do."""
    from onnxruntime_genai.models.builder import create_model

    with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as cache:
        model.save_pretrained(source)
        write_tokenizer(Path(source))
        logging.disable(logging.WARNING)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            create_model(None, source, str(folder), precision, "cpu", cache, **options)
        logging.disable(logging.NOTSET)
    for extra in folder.glob("special_tokens_map.json"):
        extra.unlink()
    write_tokenizer(folder)
    if with_config:
        model.config.save_pretrained(folder)


def symbolic_head_size(path: Path) -> None:
    """Newer builders give the last dimension of the caches a name instead of a number."""
    model = onnx.load(path, load_external_data=False)
    for value in [*model.graph.input, *model.graph.output]:
        if "key" in value.name or "value" in value.name:
            value.type.tensor_type.shape.dim[3].dim_param = "kv_cache_dim"
    onnx.save(model, path)
