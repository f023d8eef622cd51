"""Write the embedded model as a folder that transformers loads: the same weights for lm-eval's `hf` backend.

    python hf_checkpoint.py MODEL_FOLDER FOLDER

Config and tokenizer are copied, the weights of model.onnx go into model.safetensors in float32.
"""
import shutil
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'oracle'))
from embedded_weights import embedded_model  # noqa: E402

source, target = Path(sys.argv[1]), Path(sys.argv[2])
target.mkdir(parents=True, exist_ok=True)
embedded_model(source, np.float32).save_pretrained(target)
for name in ['tokenizer.json', 'tokenizer_config.json']:
    shutil.copy(source / name, target / name)
print(target)
