"""A random model with a weight deviation large enough that log-probabilities differ by several nats between tokens."""

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel, set_seed

from architectures import config_of

SEED = 20240
# Other attention implementations do not exist here, or omit the soft-cap (gemma2) or ALiBi (falcon).
EAGER_ONLY = {"gpt_neo", "gptj", "codegen", "bloom", "mpt", "gpt_oss", "gemma2", "falcon-alibi"}
# Squares and plus-one norms make activations large; a smaller head keeps rounding far below 1e-4 nats.
HEAD_SPREAD = {"nemotron": 1.0}
FINAL_NORMS = ("model.norm.weight", "ln_f.weight", "norm_f.weight", "final_layernorm.weight", "final_layer_norm.weight")


def random_model(architecture: str, attention: str | None = None, **changes: object) -> PreTrainedModel:
    """The same weights every time, whatever the attention implementation (None: the default of transformers)."""
    config = config_of(architecture, **changes)
    set_seed(SEED)
    attention = attention or ("eager" if architecture in EAGER_ONLY else "sdpa")
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()
    widen(model, HEAD_SPREAD.get(architecture, 3.0))
    if config.tie_word_embeddings:
        stop_echo(model)
    return model


def widen(model: torch.nn.Module, head_spread: float) -> None:
    """Draws every parameter again: by default, norms and biases have no effect and logits are flat.

    Norm weights and biases keep their mean (1 or 0) and spread around it; matrices keep the scale of what they multiply.
    """
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() < 2:
                mean = round(parameter.mean().item()) if parameter.numel() else 0
                parameter.copy_(mean + 0.3 * noise)
                continue
            embeds = "emb" in name or "wte" in name or "wpe" in name
            queries = any(part in name for part in ("q_proj", "k_proj", "q_lin", "k_lin"))
            head = "lm_head" in name or "embed_out" in name
            spread = head_spread if head else 1.5 if queries else 1.0
            fan_in = parameter.shape[-1]
            parameter.copy_(noise * (0.5 if embeds else spread / fan_in**0.5))


def stop_echo(model: torch.nn.Module) -> None:
    """Flips the sign of random channels of the last norm.

    A random model with tied embeddings would otherwise predict its own input.
    """
    generator = torch.Generator().manual_seed(SEED)
    name, weight = [(name, p) for name, p in model.named_parameters() if p.dim() == 1 and name.endswith(FINAL_NORMS)][-1]
    signs = torch.randint(0, 2, weight.shape, generator=generator) * 2 - 1
    # Gemma's norms multiply by 1 + weight.
    offset = 1 if "gemma" in model.config.model_type else 0
    with torch.no_grad():
        weight.copy_((weight + offset) * signs - offset)
