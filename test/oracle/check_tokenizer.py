"""Compares ids and offsets of the adversarial texts with those of Hugging Face's tokenizer.

    node dist/test/oracle/print-tokenizer.js OUT && python check_tokenizer.py OUT

Offsets of the library count code points. It gives every token of a shared character that whole character, as the service
does. Where the service has no offsets (null) the ids alone are compared.
"""

import base64
import json
import sys
from pathlib import Path

from tokenizers import Tokenizer


def differences(tokenizer: Tokenizer, entry: dict) -> list[str]:
    # The library's name for: control tokens spelled in the text are text.
    tokenizer.encode_special_tokens = not entry["parse_special_tokens"]
    wanted = tokenizer.encode(entry["text"], add_special_tokens=False)
    tokens = entry["tokens"]
    ids = [token["id"] for token in tokens]
    if not entry["parse_special_tokens"] and controls(tokenizer) & set(wanted.ids):
        # Unigram in the library finds control tokens among its pieces all the same. The service must not.
        return [f"control tokens out of text: {ids}"] if controls(tokenizer) & set(ids) else []
    if ids != wanted.ids:
        first = next((i for i, (a, b) in enumerate(zip(ids, wanted.ids)) if a != b), min(len(ids), len(wanted.ids)))
        return [f"ids from token {first} on: {ids[first : first + 4]} is not {wanted.ids[first : first + 4]}"]
    found = []
    for i, (token, offsets) in enumerate(zip(tokens, wanted.offsets)):
        own = (token["char_start"], token["char_end"])
        if own != (None, None) and own != tuple(offsets):
            found.append(f"characters of token {i}: {own} is not {offsets}")
    return found + wrong_bytes(entry["text"], tokens)


def controls(tokenizer: Tokenizer) -> set[int]:
    added = tokenizer.get_added_tokens_decoder()
    return {i for i, token in added.items() if token.special and token.content != "<unk>"}


def wrong_bytes(text: str, tokens: list[dict]) -> list[str]:
    """Byte ranges cover the text without gaps and contain the bytes of their tokens, as do the character ranges."""
    placed = [token for token in tokens if token["byte_start"] is not None]
    if not placed:
        return []
    found = []
    end = 0
    for i, token in enumerate(placed):
        if token["byte_start"] != end:
            found.append(f"token {i} begins at byte {token['byte_start']} and not at {end}")
        end = token["byte_end"]
        spelled = base64.b64decode(token["bytes"])
        # The first token may begin with a space that the tokenizer put there.
        spelled = spelled[len(spelled) - (end - token["byte_start"]) :]
        before = len(text[: token["char_start"]].encode())
        held = text[token["char_start"] : token["char_end"]].encode()[token["byte_start"] - before : end - before]
        if text.encode()[token["byte_start"] : end] != spelled or held != spelled:
            found.append(f"token {i}: its range does not hold its bytes")
    if end != len(text.encode()):
        found.append(f"the tokens end at byte {end} of {len(text.encode())}")
    return found


def main() -> int:
    bad = 0
    folders = sorted(path.parent for path in Path(sys.argv[1]).glob("*/texts.json"))
    for folder in folders:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        entries = json.loads((folder / "texts.json").read_text())
        found = [(entry, difference) for entry in entries for difference in differences(tokenizer, entry)]
        for entry, difference in found:
            print(f"{folder.name}, {entry['name']} (parse_special_tokens {entry['parse_special_tokens']}): {difference}")
        tokens = [token for entry in entries for token in entry["tokens"]]
        placed = sum(token["char_start"] is not None for token in tokens)
        print(f"{folder.name}: {len(entries)} encodings, {len(tokens)} tokens, {placed} with offsets: {len(found)} differences")
        bad += len(found)
    return 1 if bad or not folders else 0


if __name__ == "__main__":
    sys.exit(main())
