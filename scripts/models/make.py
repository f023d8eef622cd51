"""Builds tiny random causal language models in every layout and precision of the matrix, each with its oracle.

    python make.py OUT [NAME...]
    python make.py --committed OUT

The second form makes those that are test data. Writes OUT/NAME/, complete or not at all. Without names folders that exist are kept. Exits 1 when one could not be made.
"""

import json
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import onnx

from catalogue import COMMITTED, recipes
from integer_weights import all_graphs
from oracle import float64_log_probs, onnxruntime_log_probs
from random_model import random_model
from recipe import Recipe
from texts import texts

NOTABLE = {"If", "DynamicQuantizeLinear", "MatMulInteger", "Tanh"}


def make(recipe: Recipe, out: Path) -> None:
    """Builds beside the target and renames, so that a reader never sees an incomplete folder."""
    with tempfile.TemporaryDirectory(dir=out, prefix=".making-") as scratch:
        folder = Path(scratch) / recipe.name
        folder.mkdir()
        recipe.make(folder)
        (folder / "oracle.json").write_text(json.dumps(oracle(recipe, folder)) + "\n")
        shutil.rmtree(out / recipe.name, ignore_errors=True)
        folder.rename(out / recipe.name)


def oracle(recipe: Recipe, folder: Path) -> dict:
    """The file that logpr is compared with. Log-probs are of every token after the first of each text, nats."""
    facts = {"name": recipe.name, "architecture": recipe.architecture, "layout": recipe.layout, "refused": recipe.refused}
    if recipe.refused is not None:
        return {**facts, "texts": [], "float64": [], "files": [{"dtype": dtype, "file": file} for dtype, file in recipe.files.items()]}
    model = random_model(recipe.architecture, "eager", **recipe.changes)
    head_size = getattr(model.config, "head_dim", None) or model.config.hidden_size // model.config.num_attention_heads
    asked = texts()
    files = [
        {
            "dtype": dtype,
            "file": file,
            "operators": notable_operators(folder / file),
            "onnxruntime": rounded(onnxruntime_log_probs(folder / file, asked, head_size)),
        }
        for dtype, file in recipe.files.items()
    ]
    return {**facts, "texts": asked, "float64": rounded(float64_log_probs(model, asked)), "files": files}


def notable_operators(path: Path) -> list[str]:
    """The non-standard parts of the graph: operators of onnxruntime, integer products, branches."""

    graphs = all_graphs(onnx.load(path, load_external_data=False).graph)
    return sorted({node.op_type for graph in graphs for node in graph.node if node.domain or node.op_type in NOTABLE})


def rounded(log_probs: list[list[float]]) -> list[list[float]]:
    return [[round(value, 9) for value in text] for text in log_probs]


def index(out: Path) -> None:
    """INDEX.md: one line per existing folder."""
    lines = ["| folder | what | dtypes | expected |", "|---|---|---|---|"]
    for recipe in recipes():
        if (out / recipe.name).exists():
            expected = "works" if recipe.refused is None else f"refused, the reason matches `{recipe.refused}`"
            lines.append(f"| {recipe.name} | {recipe.architecture}, {recipe.layout} | {' '.join(recipe.files)} | {expected} |")
    (out / "INDEX.md").write_text("\n".join(lines) + "\n")


def main() -> int:
    committed = sys.argv[1] == "--committed"
    out = Path(sys.argv[2 if committed else 1])
    out.mkdir(parents=True, exist_ok=True)
    wanted = set(COMMITTED if committed else sys.argv[2:])
    made = failed = 0
    for recipe in recipes():
        if recipe.name not in wanted if wanted else (out / recipe.name).exists():
            continue
        began = time.monotonic()
        try:
            make(recipe, out)
            made += 1
            print(f"{recipe.name}: made in {time.monotonic() - began:.1f} s", flush=True)
        except Exception:
            failed += 1
            print(f"{recipe.name}: FAILED\n{traceback.format_exc(limit=4)[-1200:]}", flush=True)
        if not committed:
            index(out)
    for scratch in out.glob(".making-*"):
        shutil.rmtree(scratch)
    print(f"{made} models made, {failed} could not be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
