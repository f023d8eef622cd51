"""Configurations of tiny models, one per architecture: two layers, 32 to 64 hidden units, grouped heads if supported.

What an architecture has of its own (soft-caps, logit scales, sliding windows, ALiBi, partial rotary) is switched on and made strong
enough that a score without it is off by nats.
"""

from transformers import AutoConfig, PretrainedConfig

from tokenizer import BOS_ID, CONTEXT, EOS_ID, VOCAB_SIZE

COMMON = {"vocab_size": VOCAB_SIZE, "bos_token_id": BOS_ID, "eos_token_id": EOS_ID, "pad_token_id": EOS_ID}
LLAMA = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
}
UNGROUPED = {key: value for key, value in LLAMA.items() if key != "num_key_value_heads"}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT}
# Shorter than the longer texts, so that an ignored window is noticed.
WINDOW = 24

OF_MODEL_TYPE: dict[str, dict] = {
    "gpt2": GPT2,
    "llama": {**LLAMA, "head_dim": 16, "tie_word_embeddings": True},
    "qwen2": {**LLAMA, "use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1},
    "qwen3": {**LLAMA, "head_dim": 16},
    "mistral": {**LLAMA, "sliding_window": WINDOW},
    "gemma": {**LLAMA, "head_dim": 16},
    "gemma2": {**LLAMA, "head_dim": 16, "sliding_window": WINDOW, "attn_logit_softcapping": 3.0, "final_logit_softcapping": 6.0, "query_pre_attn_scalar": 8},
    "gemma3_text": {
        **LLAMA,
        "head_dim": 16,
        "sliding_window": WINDOW,
        "query_pre_attn_scalar": 8,
        "rope_theta": 100.0,
        "rope_local_base_freq": 10.0,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "phi": {**UNGROUPED, "partial_rotary_factor": 0.5},
    "phi3": {**LLAMA, "sliding_window": WINDOW, "original_max_position_embeddings": CONTEXT},
    "gpt_neox": {**UNGROUPED, "rotary_pct": 0.5},
    "gpt_neo": {
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": WINDOW,
        "max_position_embeddings": CONTEXT,
    },
    "gptj": {**GPT2, "rotary_dim": 4},
    "codegen": {**GPT2, "rotary_dim": 4},
    "opt": {**UNGROUPED, "ffn_dim": 48, "word_embed_proj_dim": 16},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "falcon": {**UNGROUPED, "new_decoder_architecture": False, "multi_query": True, "parallel_attn": True},
    "falcon-alibi": {**UNGROUPED, "new_decoder_architecture": False, "alibi": True, "multi_query": False, "parallel_attn": False, "bias": True},
    "olmo": {**LLAMA, "clip_qkv": 2.0},
    "olmo2": LLAMA,
    "smollm3": {**LLAMA, "no_rope_layers": [1, 0], "use_sliding_window": True, "sliding_window": WINDOW},
    "granite": {**LLAMA, "embedding_multiplier": 3.0, "attention_multiplier": 0.5, "residual_multiplier": 0.7, "logits_scaling": 2.0},
    "starcoder2": {**LLAMA, "sliding_window": WINDOW},
    "stablelm": {**LLAMA, "use_qkv_bias": True, "use_parallel_residual": True, "partial_rotary_factor": 0.5},
    "gpt_bigcode": {**GPT2, "multi_query": True},
    "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 4, "expansion_ratio": 2, "max_seq_len": CONTEXT},
    "cohere": {**LLAMA, "logit_scale": 0.5, "use_qk_norm": True},
    "glm": {**LLAMA, "head_dim": 16, "partial_rotary_factor": 0.5},
    "nemotron": {**LLAMA, "partial_rotary_factor": 0.5},
    "helium": {**LLAMA, "head_dim": 8},
    "ernie4_5": {**LLAMA, "head_dim": 16, "use_bias": True},
    "arcee": {**LLAMA, "head_dim": 8},
    "deepseek_v3": {
        **LLAMA,
        "num_key_value_heads": 4,
        "moe_intermediate_size": 16,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 2,
        "topk_group": 1,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
        "kv_lora_rank": 16,
        "q_lora_rank": 16,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 12,
    },
    "qwen3_moe": {**LLAMA, "head_dim": 16, "moe_intermediate_size": 16, "num_experts": 4, "num_experts_per_tok": 2, "decoder_sparse_step": 1},
    "gpt_oss": {**LLAMA, "head_dim": 16, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": WINDOW, "rope_scaling": None},
    "exaone4": {**LLAMA, "head_dim": 16, "sliding_window": WINDOW, "sliding_window_pattern": 2},
    "seed_oss": {**LLAMA, "head_dim": 16},
}


def config_of(architecture: str, **changes: object) -> PretrainedConfig:
    """The tiny configuration; `architecture` is a model_type, with a variant after a dash."""
    return AutoConfig.for_model(architecture.split("-")[0], **{**COMMON, **OF_MODEL_TYPE[architecture], **changes})
