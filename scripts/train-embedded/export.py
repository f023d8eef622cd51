"""Export a trained folder to the Hugging Face ONNX layout with past key values.

    python export.py TRAINED_FOLDER OUT_FOLDER [--context 512]

TRAINED_FOLDER holds config.json and model.safetensors as transformers 5 writes them; tokenizer.json is taken from it
or, where training left none, from OUT_FOLDER. Writes config.json, generation_config.json, tokenizer.json,
tokenizer_config.json and model.onnx, then compares the ONNX model with the float64 torch model and fails when a
log-probability differs by more than 1e-4 nats. Needs requirements-export.txt.
"""
import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

# Before the import: onnxruntime sends telemetry otherwise.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnx  # noqa: E402
from optimum.exporters.onnx import main_export  # noqa: E402

from compare_onnx import compare_with_torch
from tie_embeddings import share_embedding_with_head

OPSET = 18
SIZE_LIMIT = 25_000_000  # bytes, the whole folder
END_OF_TEXT = '<|endoftext|>'
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ (message['role'] | capitalize) + ': ' + message['content'] + '\n\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


def portable_config(config: dict, context: int | None) -> dict:
    """The config in the spelling that transformers 4 and 5 both read; context replaces the longest sequence, in tokens."""
    config = dict(config)
    rope = config.pop('rope_parameters', None)
    if rope is not None:
        assert rope['rope_type'] == 'default', f"rope type {rope['rope_type']} has no spelling in common"
        config['rope_theta'] = rope['rope_theta']
    if 'dtype' in config:
        config['torch_dtype'] = config.pop('dtype')
    config.pop('transformers_version', None)
    if context is not None:
        config['max_position_embeddings'] = context
    return config


def tokenizer_config(context: int) -> dict:
    """A tokenizer that adds nothing by itself: the service puts the prefix token before the text."""
    return {
        'tokenizer_class': 'PreTrainedTokenizerFast',
        'bos_token': END_OF_TEXT,
        'eos_token': END_OF_TEXT,
        'add_bos_token': False,
        'add_eos_token': False,
        'clean_up_tokenization_spaces': False,
        'model_max_length': context,
        'chat_template': CHAT_TEMPLATE,
    }


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + '\n')


def find_tokenizer(trained: Path, out: Path) -> Path:
    for folder in (trained, out):
        if (folder / 'tokenizer.json').exists():
            return folder / 'tokenizer.json'
    raise SystemExit(f'no tokenizer.json in {trained} nor in {out}')


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('trained', type=Path)
    arguments.add_argument('out', type=Path)
    arguments.add_argument('--context', type=int, help='longest sequence in tokens, instead of the trained config\'s')
    options = arguments.parse_args()

    config = portable_config(json.loads((options.trained / 'config.json').read_text()), options.context)
    tokenizer = find_tokenizer(options.trained, options.out).read_bytes()
    text = (Path(__file__).parent.parent / 'golden' / 'sentences.txt').read_text()

    with tempfile.TemporaryDirectory() as scratch:
        source, exported = Path(scratch, 'source'), Path(scratch, 'exported')
        source.mkdir()
        shutil.copyfile(options.trained / 'model.safetensors', source / 'model.safetensors')
        (source / 'tokenizer.json').write_bytes(tokenizer)
        write_json(source / 'config.json', config)
        write_json(source / 'tokenizer_config.json', tokenizer_config(config['max_position_embeddings']))
        main_export(str(source), output=str(exported), task='text-generation-with-past', opset=OPSET,
                    do_validation=False)
        model = onnx.load(exported / 'model.onnx')
        share_embedding_with_head(model)
        onnx.checker.check_model(model, full_check=True)

        options.out.mkdir(parents=True, exist_ok=True)
        onnx.save(model, options.out / 'model.onnx')
        (options.out / 'tokenizer.json').write_bytes(tokenizer)
        for name in ('config.json', 'tokenizer_config.json'):
            shutil.copyfile(source / name, options.out / name)
        write_json(options.out / 'generation_config.json', {key: config[key] for key in ('bos_token_id', 'eos_token_id')})
        compare_with_torch(source, options.out, text)

    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(f'{options.out}: {size} bytes')
    assert size <= SIZE_LIMIT, f'{size} bytes exceed {SIZE_LIMIT}'


if __name__ == '__main__':
    main()
