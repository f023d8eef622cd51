"""Compares the ids of texts and the texts of ids with those of Hugging Face's tokenizer.

    node dist/test/oracle/print-text-tokenizer.js OUT [MODEL_FOLDER ...] && python check_text_tokenizer.py OUT

The library adds a BOS in front of a text that begins with one already; the service does not.
"""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer


def without_second_bos(tokenizer: Tokenizer, text: str, begin: int | None) -> list[int]:
    ids = tokenizer.encode(text).ids
    own = tokenizer.encode(text, add_special_tokens=False).ids
    doubled = begin is not None and own[:1] == [begin] and ids[: len(own) + 1] == [begin, *own]
    return ids[1:] if doubled else ids


def main() -> int:
    bad = 0
    folders = sorted(path.parent for path in Path(sys.argv[1]).glob("*/text-tokenizer.json"))
    for folder in folders:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        data = json.loads((folder / "text-tokenizer.json").read_text())
        found = []
        for entry in data["encoded"]:
            plain = tokenizer.encode(entry["text"], add_special_tokens=False).ids
            wanted = without_second_bos(tokenizer, entry["text"], data["begin"]) if entry["add_special_tokens"] else plain
            if entry["ids"] != wanted:
                found.append(f"{entry['name']}, add_special_tokens {entry['add_special_tokens']}: {entry['ids'][:8]} is not {wanted[:8]}")
        for entry in data["decoded"]:
            wanted = tokenizer.decode(entry["ids"], skip_special_tokens=False)
            if entry["text"] != wanted:
                found.append(f"{entry['ids'][:12]}: {entry['text'][:60]!a} is not {wanted[:60]!a}")
        for difference in found[:5]:
            print(f"{folder.name}: {difference}")
        print(f"{folder.name}: {len(data['encoded'])} texts, {len(data['decoded'])} sequences of ids: {len(found)} differences")
        bad += len(found)
    return 1 if bad or not folders else 0


if __name__ == "__main__":
    sys.exit(main())
