"""The tokenizer of all test models: byte-level BPE with a few merges, so that any text has ids and heads are tiny."""

import json
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SENTENCES = Path(__file__).parent.parent / "golden" / "sentences.txt"
BOS = "<s>"
EOS = "</s>"
VOCAB_SIZE = 320
BOS_ID = 0
EOS_ID = 1
CONTEXT = 256


@lru_cache
def trained() -> Tokenizer:
    """Trained on the committed sentences, with the same ids every time."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[BOS, EOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES.read_text("utf8").splitlines(), trainer)
    assert tokenizer.get_vocab_size() == VOCAB_SIZE
    return tokenizer


def write_tokenizer(folder: Path) -> None:
    """Writes tokenizer.json and tokenizer_config.json, which every layout has."""
    trained().save(str(folder / "tokenizer.json"))
    config = {
        "add_bos_token": False,
        "bos_token": BOS,
        "eos_token": EOS,
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONTEXT,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
