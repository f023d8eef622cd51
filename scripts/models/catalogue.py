"""Every model folder of the matrix."""

import shutil
import tempfile
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import onnx
from onnx import TensorProto
from optimum.onnx import merge_decoders

import genai
import graph_edits
from architectures import OF_MODEL_TYPE
from export import FIRST_PASS, NO_PAST, WITH_PAST, export, export_ids_only, exported_graph, write_configs
from quantize import SUFFIX_OF_DTYPE, quantize, to_float16
from random_model import random_model
from recipe import Recipe

Edit = Callable[[onnx.ModelProto], object]


def exported(architecture: str, task: str, folder: Path, **changes: object) -> None:
    export(random_model(architecture, **changes), folder, task)


def edited(architecture: str, task: str, edit: Callable[[onnx.ModelProto, Path], None], folder: Path, file: str = "model.onnx", **changes: object) -> None:
    """An export with a graph that `edit` changes and writes to the given path."""
    model = random_model(architecture, **changes)
    write_configs(model, folder)
    path = exported_graph(model, task)
    try:
        edit(onnx.load(path), folder / file)
    finally:
        shutil.rmtree(path.parent)


def in_place(edit: Edit) -> Callable[[onnx.ModelProto, Path], None]:
    def apply(model: onnx.ModelProto, path: Path) -> None:
        edit(model)
        graph_edits.save(model, path)

    return apply


def in_dtypes(architecture: str, dtypes: Collection[str], folder: Path, **changes: object) -> None:
    """onnx/model{suffix}.onnx for each dtype, as in the repositories of onnx-community."""
    model = random_model(architecture, **changes)
    write_configs(model, folder)
    path = exported_graph(model, WITH_PAST)
    (folder / "onnx").mkdir()
    for dtype in dtypes:
        target = folder / "onnx" / f"model{SUFFIX_OF_DTYPE[dtype]}.onnx"
        shutil.copy(path, target) if dtype == "fp32" else quantize(path, target, dtype)
    shutil.rmtree(path.parent)


def merged(architecture: str, all_three: bool, quantized: bool, folder: Path) -> None:
    """The legacy layout: both branches under one If, and the two decoders from which it was merged."""
    model = random_model(architecture)
    write_configs(model, folder)
    target = folder / "onnx"
    target.mkdir()
    for task, file in ((FIRST_PASS, "decoder_model.onnx"), (WITH_PAST, "decoder_with_past_model.onnx")):
        path = exported_graph(model, task)
        shutil.copy(path, target / file)
        shutil.rmtree(path.parent)
    path = target / "decoder_model_merged.onnx"
    merge_decoders(target / "decoder_model.onnx", target / "decoder_with_past_model.onnx", save_path=path)
    if quantized:
        quantize(path, target / "decoder_model_merged_quantized.onnx", "q8")
    if not all_three:
        (target / "decoder_model.onnx").unlink()
        (target / "decoder_with_past_model.onnx").unlink()


def ids_only(architecture: str, folder: Path) -> None:
    model = random_model(architecture)
    write_configs(model, folder)
    export_ids_only(model, folder / "model.onnx")


def genai_folder(architecture: str, precision: str, with_config: bool, symbolic: bool, folder: Path, **changes: object) -> None:
    genai.build(random_model(architecture, **changes), folder, precision, with_config)
    if symbolic:
        genai.symbolic_head_size(folder / "model.onnx")


def encoder_decoder(folder: Path) -> None:
    """The decoder of a tiny BART: it attends to encoder_hidden_states."""
    from transformers import BartConfig, BartForConditionalGeneration

    from tokenizer import BOS_ID, CONTEXT, EOS_ID, VOCAB_SIZE

    sizes = {f"{side}_{what}": number for side in ("encoder", "decoder") for what, number in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 32))}
    ids = {"bos_token_id": BOS_ID, "eos_token_id": EOS_ID, "pad_token_id": EOS_ID, "decoder_start_token_id": BOS_ID}
    model = BartForConditionalGeneration(BartConfig(vocab_size=VOCAB_SIZE, d_model=16, max_position_embeddings=CONTEXT, **sizes, **ids)).eval()
    write_configs(model, folder)
    with tempfile.TemporaryDirectory() as whole:
        export(model, Path(whole), "text2text-generation")
        (folder / "onnx").mkdir()
        shutil.copy(Path(whole) / "decoder_model.onnx", folder / "onnx" / "model.onnx")


def architecture_recipes() -> list[Recipe]:
    return [Recipe(name, name, "with past", partial(exported, name, WITH_PAST)) for name in OF_MODEL_TYPE]


def layout_recipes() -> list[Recipe]:
    def external(model: onnx.ModelProto, path: Path) -> None:
        graph_edits.save_external(model, path)

    def in_two_files(model: onnx.ModelProto, path: Path) -> None:
        graph_edits.save_external(model, path, files=2)

    def at_odd_offsets(model: onnx.ModelProto, path: Path) -> None:
        graph_edits.save_external(model, path, gap=3)

    def half(model: onnx.ModelProto, path: Path) -> None:
        onnx.save(to_float16(model, keep_io_types=False), path)

    return [
        Recipe("llama-no-past", "llama", "without past", partial(exported, "llama", NO_PAST)),
        Recipe("gpt2-no-past", "gpt2", "without past", partial(exported, "gpt2", NO_PAST)),
        Recipe("bloom-no-past", "bloom", "without past", partial(exported, "bloom", NO_PAST)),
        Recipe("gemma2-no-past", "gemma2", "without past", partial(exported, "gemma2", NO_PAST)),
        Recipe("gpt2-ids-only", "gpt2", "input_ids alone", partial(ids_only, "gpt2")),
        Recipe("qwen3-ids-only", "qwen3", "input_ids alone", partial(ids_only, "qwen3")),
        Recipe("llama-int32", "llama", "int32 inputs", partial(edited, "llama", WITH_PAST, in_place(graph_edits.ids_as_int32))),
        Recipe("llama-keep", "llama", "num_logits_to_keep", partial(edited, "llama", WITH_PAST, in_place(graph_edits.add_num_logits_to_keep))),
        Recipe("llama-external", "llama", "external data", partial(edited, "llama", WITH_PAST, external)),
        Recipe("qwen2-external-2", "qwen2", "external data in two files", partial(edited, "qwen2", WITH_PAST, in_two_files)),
        Recipe("gemma-external-odd", "gemma", "external data at odd offsets", partial(edited, "gemma", WITH_PAST, at_odd_offsets)),
        Recipe(
            "llama-fp16-io",
            "llama",
            "fp16 caches and logits",
            partial(edited, "llama", WITH_PAST, half, file="model_fp16.onnx"),
            files={"fp16": "model_fp16.onnx"},
        ),
    ]


def dtype_recipes() -> list[Recipe]:
    untied = {"tie_word_embeddings": False}

    def recipe(architecture: str, name: str, layout: str, dtypes: Collection[str]) -> Recipe:
        files = {dtype: f"onnx/model{SUFFIX_OF_DTYPE[dtype]}.onnx" for dtype in dtypes}
        return Recipe(f"{architecture}-{name}", architecture, layout, partial(in_dtypes, architecture, dtypes, **untied), files=files, changes=untied)

    return [
        *(recipe(architecture, "dtypes", "onnx/, all dtypes", list(SUFFIX_OF_DTYPE)) for architecture in ("llama", "gpt2", "gemma2")),
        recipe("llama", "quantized", "onnx/, q4 and q8", ("q4", "q8")),
    ]


def merged_recipes() -> list[Recipe]:
    main = "onnx/decoder_model_merged.onnx"
    return [
        Recipe("gpt2-merged", "gpt2", "merged If", partial(merged, "gpt2", True, True), files={"fp32": main, "q8": main.replace(".onnx", "_quantized.onnx")}),
        Recipe("llama-merged", "llama", "merged If", partial(merged, "llama", False, False), files={"fp32": main}),
        Recipe("bloom-merged", "bloom", "merged If", partial(merged, "bloom", False, False), files={"fp32": main}),
    ]


def genai_recipes() -> list[Recipe]:
    def recipe(architecture: str, precision: str, with_config: bool = False, symbolic: bool = False, **changes: object) -> Recipe:
        name = f"{architecture}-genai-{precision}" + ("-config" if with_config else "") + ("-symbolic" if symbolic else "")
        words = "genai" + (" with config.json" if with_config else "") + (", head size by name" if symbolic else "")
        make = partial(genai_folder, architecture, precision, with_config, symbolic, **changes)
        return Recipe(name, architecture, words, make, files={precision: "model.onnx"}, changes=changes)

    # The operator requires a head size that is a multiple of 16.
    wide = {"hidden_size": 64}
    return [
        *(recipe("llama", precision) for precision in genai.PRECISIONS),
        recipe("llama", "int4", with_config=True),
        recipe("llama", "fp32", symbolic=True),
        recipe("qwen3", "fp32"),
        recipe("phi3", "fp32", with_config=True, **wide),
        recipe("granite", "int4", **wide),
    ]


def refused_recipes() -> list[Recipe]:
    def half_brain(model: onnx.ModelProto) -> None:
        graph_edits.cast_inputs_and_outputs(model, TensorProto.BFLOAT16)

    return [
        Recipe(
            "refused-inputs-embeds",
            "llama",
            "inputs_embeds alone",
            partial(edited, "llama", NO_PAST, in_place(graph_edits.inputs_embeds_only)),
            refused="inputs_embeds",
        ),
        Recipe("refused-encoder-decoder", "llama", "decoder of BART", encoder_decoder, files={"fp32": "onnx/model.onnx"}, refused="encoder"),
        Recipe(
            "refused-recurrent",
            "llama",
            "convolution state",
            partial(edited, "llama", WITH_PAST, in_place(graph_edits.add_recurrent_state)),
            refused="past_conv",
        ),
        Recipe(
            "refused-bf16", "llama", "bf16 caches and logits", partial(edited, "llama", WITH_PAST, in_place(half_brain)), refused="[Bb][Ff](loat)?16"
        ),
    ]


def recipes() -> list[Recipe]:
    return [*architecture_recipes(), *layout_recipes(), *dtype_recipes(), *merged_recipes(), *genai_recipes(), *refused_recipes()]


# Committed in test/data/models, so that `npm test` needs no Python: few small models of distinct layouts.
COMMITTED = (
    "bloom-no-past",
    "falcon-alibi",
    "gemma2",
    "gpt2-no-past",
    "llama",
    "llama-fp16-io",
    "llama-genai-int4",
    "llama-merged",
    "llama-quantized",
    "qwen2-external-2",
    "refused-encoder-decoder",
)
