"""Compares ids and decoded texts with AutoTokenizer of the installed transformers.

    node dist/test/oracle/print-text-tokenizer.js OUT [MODEL_FOLDER ...] && python check_transformers.py OUT

Run with 4.57 and with 5.x, which read tokenizer_config.json differently. A difference is an error only if the service does
not announce it at the start (transformers_notes of GET /tokenizer_info). AutoTokenizer needs no PyTorch.
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import transformers
from transformers import AutoTokenizer

transformers.logging.set_verbosity_error()


def encoded(tokenizer, text: str, add_special_tokens: bool, begin: int | None) -> list[int]:
    own = tokenizer.encode(text, add_special_tokens=False)
    if not add_special_tokens:
        return own
    ids = tokenizer.encode(text)
    # The service never adds a second BOS.
    doubled = begin is not None and own[:1] == [begin] and ids[: len(own) + 1] == [begin, *own]
    return ids[1:] if doubled else ids


def main() -> int:
    print(f"transformers {transformers.__version__}")
    print("| tokenizer | class | ids of texts | with added tokens | decoded | announced |\n|---|---|---|---|---|---|")
    bad = 0
    folders = sorted(path.parent for path in Path(sys.argv[1]).glob("*/text-tokenizer.json"))
    for folder in folders:
        data = json.loads((folder / "text-tokenizer.json").read_text())
        try:
            tokenizer = AutoTokenizer.from_pretrained(str(folder))
        except ValueError as error:
            print(f"| {folder.name} | cannot be loaded: {str(error)[:60]} | | | | |")
            continue
        equal = {False: [], True: []}
        for entry in data["encoded"]:
            wanted = encoded(tokenizer, entry["text"], entry["add_special_tokens"], data["begin"])
            equal[entry["add_special_tokens"]].append(entry["ids"] == wanted)
        decode = lambda ids: tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        decoded = [entry["text"] == decode(entry["ids"]) for entry in data["decoded"]]
        announced = [note["concerns"] for note in data["notes"]]
        column = lambda found: f"{sum(found)} of {len(found)}"
        print(
            f"| {folder.name} | {type(tokenizer).__name__} | {column(equal[False])} | {column(equal[True])} | {column(decoded)} "
            f"| {', '.join(announced) or '-'} |"
        )
        silent_text = "text" not in announced and not (all(equal[False]) and all(decoded))
        silent_added = not announced and not all(equal[True])
        if silent_text or silent_added:
            bad += 1
            print(f"{folder.name}: differences that the service does not announce", file=sys.stderr)
    return 1 if bad or not folders else 0


if __name__ == "__main__":
    sys.exit(main())
