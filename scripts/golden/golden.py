"""Write the log-probabilities that the tests expect of the embedded model, computed by transformers in float64.

    python golden.py TRAINED_FOLDER ONNX_FOLDER OUT_JSON [--pairs 1000] [--seed 0]

TRAINED_FOLDER holds config.json and model.safetensors, ONNX_FOLDER the tokenizer.json and model.onnx exported from
it. Nothing of the service is used here, neither its tokenizer, nor its boundary rules, nor onnxruntime.

Each item scores ids = [prefix token] ++ x_ids ++ y_ids. Where the tokens of x begin the tokens of x + y, the ids are
those of x + y; where a token spans the boundary, x and y are tokenised apart and `merged` is true. Control tokens
spelled in a text are ordinary text.
"""
import argparse
import hashlib
import json
import platform
from pathlib import Path

import tokenizers
import torch
import transformers

from pairs import make_pairs

PREFIX_TOKEN = 0
DECIMALS = 9


def split_ids(tokenizer: tokenizers.Tokenizer, x: str, y: str) -> tuple[list[int], list[int], bool]:
    """Ids of x, ids of y, and whether a token of x + y would have spanned the boundary."""
    x_ids, joint = tokenizer.encode(x).ids, tokenizer.encode(x + y).ids
    if joint[:len(x_ids)] == x_ids and len(joint) > len(x_ids):
        return x_ids, joint[len(x_ids):], False
    return x_ids, tokenizer.encode(y).ids, True


@torch.no_grad()
def token_log_probs(model: transformers.LlamaForCausalLM, ids: list[int]) -> list[float]:
    """Log-probability in nats of every id after the first, given all ids before it."""
    logits = model(torch.tensor([ids[:-1]]), use_cache=False).logits[0]
    picked = torch.log_softmax(logits, -1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    return [round(value, DECIMALS) for value in picked.tolist()]


END_TOKEN = '<|endoftext|>'
# Prose that ends, so that the end token is a target too, and text made of single bytes.
CANARY_TEXTS = [
    'He took his hat from the table and went out without a word. The door closed behind him, and the house was still.' + END_TOKEN,
    'The family \U0001F468\u200D\U0001F469\u200D\U0001F467 had caf\u00e9 cr\u00e8me at 10:30, \u201cas always\u201d.',
]


def canary(model: transformers.LlamaForCausalLM, tokenizer: tokenizers.Tokenizer, model_sha256: str) -> dict:
    """The known answers that the service checks before it is ready and while it serves."""
    tokenizer.encode_special_tokens = False  # the end token is meant
    texts = []
    for text in CANARY_TEXTS:
        ids = [PREFIX_TOKEN, *tokenizer.encode(text).ids]
        texts.append({'text': text, 'ids': ids, 'log_probs': token_log_probs(model, ids)})
    known = {'model_sha256': model_sha256, 'dtype': 'fp32', 'execution_provider': 'any', 'texts': texts}
    return {'known_answers': [known]}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('trained', type=Path)
    arguments.add_argument('onnx', type=Path)
    arguments.add_argument('out', type=Path)
    arguments.add_argument('--pairs', type=int, default=1000)
    arguments.add_argument('--seed', type=int, default=0)
    options = arguments.parse_args()

    torch.set_num_threads(1)  # texts this short gain nothing from more
    tokenizer = tokenizers.Tokenizer.from_file(str(options.onnx / 'tokenizer.json'))
    tokenizer.encode_special_tokens = True
    model = transformers.LlamaForCausalLM.from_pretrained(options.trained).double().eval()
    sentences = (Path(__file__).parent / 'sentences.txt').read_text().splitlines()

    items = []
    for x, y in make_pairs(tokenizer, sentences, options.pairs, options.seed):
        x_ids, y_ids, merged = split_ids(tokenizer, x, y)
        scored = token_log_probs(model, [PREFIX_TOKEN] + x_ids + y_ids)
        items.append({'x': x, 'y': y, 'merged': merged, 'x_ids': x_ids, 'y_ids': y_ids,
                      'log_probs_x': scored[:len(x_ids)], 'log_probs_y': scored[len(x_ids):]})

    header = {
        'made_with': {'python': platform.python_version(), 'torch': torch.__version__,
                      'transformers': transformers.__version__, 'tokenizers': tokenizers.__version__,
                      'dtype': 'float64', 'seed': options.seed},
        'model_sha256': sha256(options.onnx / 'model.onnx'),
        'tokenizer_sha256': sha256(options.onnx / 'tokenizer.json'),
        'prefix_token': PREFIX_TOKEN,
    }
    lines = ',\n'.join(json.dumps(item, separators=(',', ':')) for item in items)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(header, indent=1)[:-2] + ',\n "items": [\n' + lines + '\n]}\n')
    known = canary(model, tokenizer, header['model_sha256'])
    (options.onnx / 'canary.json').write_text(json.dumps(known) + '\n')
    print(f'{options.out}: {len(items)} pairs, {sum(item["merged"] for item in items)} merged, '
          f'{options.out.stat().st_size} bytes')


if __name__ == '__main__':
    main()
