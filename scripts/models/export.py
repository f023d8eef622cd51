"""Exports to ONNX as users do: with optimum, or with torch.onnx alone."""

import contextlib
import io
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from optimum.exporters.onnx import onnx_export_from_model
from optimum.exporters.onnx.model_configs import LlamaOnnxConfig
from optimum.exporters.tasks import TasksManager
from transformers import PreTrainedModel

from tokenizer import write_tokenizer

WITH_PAST = "text-generation-with-past"
NO_PAST = "text-generation"
# No past as input, caches as outputs: the decoder_model.onnx of older exports.
FIRST_PASS = "first pass"
# Architectures without a configuration in optimum that have the same inputs as Llama.
LIKE_LLAMA = {"starcoder2", "ernie4_5", "exaone4", "seed_oss"}


def export(model: PreTrainedModel, folder: Path, task: str = WITH_PAST) -> None:
    """Writes model.onnx, config.json, generation_config.json and the tokenizer into `folder`."""
    logging.getLogger("optimum").setLevel(logging.ERROR)
    options: dict = {}
    if task == FIRST_PASS or model.config.model_type in LIKE_LLAMA:
        config = config_class(model)(model.config, task=NO_PAST, use_past=task != NO_PAST, use_past_in_inputs=task == WITH_PAST)
        options["custom_onnx_configs"] = {"model": config}
        task = WITH_PAST if task == FIRST_PASS else task
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        onnx_export_from_model(model, folder, task=task, do_validation=False, **options)
    write_tokenizer(folder)


def config_class(model: PreTrainedModel) -> Callable:
    if model.config.model_type in LIKE_LLAMA:
        return LlamaOnnxConfig
    return TasksManager.get_exporter_config_constructor("onnx", model, task=NO_PAST, library_name="transformers")


def write_configs(model: PreTrainedModel, folder: Path) -> None:
    """Writes everything except the graph."""
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    write_tokenizer(folder)


class IdsOnly(torch.nn.Module):
    """A causal language model as a function of token ids alone.

    It builds the mask, because that of transformers cannot be traced.
    """

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        ones = torch.ones_like(input_ids).float()
        future = torch.triu(ones[:, :, None] * ones[:, None, :], diagonal=1)
        positions = ones.cumsum(-1).long() - 1
        return self.model(input_ids=input_ids, attention_mask=future[:, None] * -1e4, position_ids=positions, use_cache=False).logits


def export_ids_only(model: PreTrainedModel, path: Path) -> None:
    """A graph with the single input `input_ids` (batch, sequence), as torch.onnx.export alone writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            IdsOnly(model),
            (torch.randint(2, 100, (2, 9)),),
            path,
            input_names=["input_ids"],
            output_names=["logits"],
            dynamic_axes={"input_ids": {0: "batch", 1: "sequence"}, "logits": {0: "batch", 1: "sequence"}},
            opset_version=18,
            dynamo=False,
        )


def exported_graph(model: PreTrainedModel, task: str) -> Path:
    """Exports to a new temporary folder, which the caller removes, and returns the path of model.onnx."""
    folder = Path(tempfile.mkdtemp())
    try:
        export(model, folder, task)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return folder / "model.onnx"
