"""Write the embedded model as a GGUF file in float32, for llama.cpp.

    python write_gguf.py CHECKPOINT FILE [--add-bos]

CHECKPOINT is the folder that test/interop/hf_checkpoint.py writes. Needs the packages gguf and numpy.
"""
import json
import sys
from pathlib import Path

import gguf
import numpy as np

checkpoint, target = Path(sys.argv[1]), sys.argv[2]
config = json.loads((checkpoint / 'config.json').read_text())
tokenizer = json.loads((checkpoint / 'tokenizer.json').read_text())
heads, kv_heads, layers = (config[name] for name in ['num_attention_heads', 'num_key_value_heads', 'num_hidden_layers'])

writer = gguf.GGUFWriter(target, 'llama')
writer.add_name('logpr-tiny-en')
writer.add_context_length(config['max_position_embeddings'])
writer.add_embedding_length(config['hidden_size'])
writer.add_block_count(layers)
writer.add_feed_forward_length(config['intermediate_size'])
writer.add_head_count(heads)
writer.add_head_count_kv(kv_heads)
writer.add_layer_norm_rms_eps(config['rms_norm_eps'])
writer.add_rope_dimension_count(config['head_dim'])
writer.add_rope_freq_base(config.get('rope_theta') or config['rope_parameters']['rope_theta'])
writer.add_vocab_size(config['vocab_size'])
writer.add_file_type(gguf.LlamaFileType.ALL_F32)

added = {token['id']: token['content'] for token in tokenizer['added_tokens']}
texts = {id: text for text, id in tokenizer['model']['vocab'].items()} | added
writer.add_tokenizer_model('gpt2')
writer.add_tokenizer_pre('gpt-2')
writer.add_token_list([texts[id] for id in range(config['vocab_size'])])
writer.add_token_types([gguf.TokenType.CONTROL if id in added else gguf.TokenType.NORMAL for id in range(config['vocab_size'])])
writer.add_token_merges([pair if isinstance(pair, str) else ' '.join(pair) for pair in tokenizer['model']['merges']])
writer.add_bos_token_id(config['bos_token_id'])
writer.add_eos_token_id(config['eos_token_id'])
writer.add_add_bos_token('--add-bos' in sys.argv)


def tensors(path):
    """Name and array of each tensor of a safetensors file in float32."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], 'little')
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != '__metadata__':
            assert entry['dtype'] == 'F32', entry
            start, end = (8 + size + offset for offset in entry['data_offsets'])
            yield name, np.frombuffer(data[start:end], np.float32).reshape(entry['shape'])


def interleaved(weight, count):
    """llama.cpp rotates neighbouring pairs of a head, transformers its two halves."""
    return weight.reshape(count, 2, weight.shape[0] // count // 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


NAMES = {
    'self_attn.q_proj': 'attn_q',
    'self_attn.k_proj': 'attn_k',
    'self_attn.v_proj': 'attn_v',
    'self_attn.o_proj': 'attn_output',
    'mlp.gate_proj': 'ffn_gate',
    'mlp.up_proj': 'ffn_up',
    'mlp.down_proj': 'ffn_down',
    'input_layernorm': 'attn_norm',
    'post_attention_layernorm': 'ffn_norm',
}
for name, weight in tensors(checkpoint / 'model.safetensors'):
    if name.startswith('model.layers.'):
        _, _, layer, part = name.removesuffix('.weight').split('.', 3)
        if part in ('self_attn.q_proj', 'self_attn.k_proj'):
            weight = interleaved(weight, heads if part == 'self_attn.q_proj' else kv_heads)
        writer.add_tensor(f'blk.{layer}.{NAMES[part]}.weight', np.ascontiguousarray(weight))
    elif name in ('model.embed_tokens.weight', 'model.norm.weight'):
        writer.add_tensor('token_embd.weight' if 'embed' in name else 'output_norm.weight', weight)
    else:
        assert name == 'lm_head.weight' and config['tie_word_embeddings'], name

writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
