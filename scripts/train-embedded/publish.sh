#!/usr/bin/env bash
# Publish trained weights as the embedded model: export, measure, and write the log-probabilities the tests expect.
#
#   CORPUS=FOLDER BLIMP=FILE scripts/train-embedded/publish.sh TRAINED_FOLDER [options of evaluate.py]
#
# PYTHON_EXPORT and PYTHON_TORCH name interpreters with requirements-export.txt and requirements.txt installed.
set -euo pipefail

trained=$(realpath "${1:?usage: publish.sh TRAINED_FOLDER [options of evaluate.py]}")
shift
corpus=$(realpath "${CORPUS:?set CORPUS to the folder with valid.txt and test.txt, or their .xz}")
blimp=$(realpath "${BLIMP:?set BLIMP to the file of BLiMP pairs, JSON Lines}")
python_export=${PYTHON_EXPORT:-python3}
python_torch=${PYTHON_TORCH:-python3}
export HF_HUB_OFFLINE=1 # every file is here
cd "$(dirname "$0")/../.."
model=models/logpr-tiny-en

"$python_export" scripts/train-embedded/export.py "$trained" "$model" --context 512
"$python_torch" scripts/train-embedded/evaluate.py "$trained" "$corpus" "$blimp" --tokenizer "$model/tokenizer.json" "$@"
"$python_torch" scripts/golden/golden.py "$trained" "$model" test/golden/embedded.json
