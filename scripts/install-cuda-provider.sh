#!/usr/bin/env bash
# Puts onnxruntime's CUDA provider libraries beside those of onnxruntime-node, for linux/x64: 247 MB to download, 272 MB on disk.
#
#     bash scripts/install-cuda-provider.sh [FOLDER]
#
# FOLDER: where libonnxruntime.so.1 lies; by default that of this checkout's node_modules. onnxruntime looks nowhere else.
# Needs python3 with pip. pip takes the wheel of the very same onnxruntime version and compares its SHA-256 with the one below.
set -euo pipefail

VERSION=1.30.0
SHA256=4fbf0c5d7b5fb99266c2e8a802e3e64af68bdc383e0f3c7349b985f1087eedaa
LIBRARIES=(libonnxruntime_providers_shared.so libonnxruntime_providers_cuda.so)

fail() {
  echo "install-cuda-provider: $1" >&2
  exit 1
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-$here/node_modules/onnxruntime-node/bin/napi-v6/linux/x64}
python=${PYTHON:-python3}

[[ "$(uname -sm)" == 'Linux x86_64' ]] || fail "the libraries exist for Linux on x86_64; this is $(uname -sm)"
[[ -f "$folder/libonnxruntime.so.1" ]] || fail "there is no libonnxruntime.so.1 in $folder: run npm ci first, or name its folder"
"$python" -m pip --version > /dev/null || fail "python3 with pip is needed; PYTHON names another one"
# Libraries of another version would crash: what passes between them is laid out anew in each.
found=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["version"])' "$folder/../../../../package.json")
[[ "$found" == "$VERSION" ]] || fail "onnxruntime-node is $found and this script knows $VERSION: change VERSION and SHA256 in it"

temporary=$(mktemp -d "$folder/.install-XXXXXX")
trap 'rm -rf "$temporary"' EXIT
echo "onnxruntime-gpu==$VERSION --hash=sha256:$SHA256" > "$temporary/requirements.txt"
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
  --platform manylinux_2_28_x86_64 --implementation cp --python-version 3.11 --abi cp311 \
  --requirement "$temporary/requirements.txt" --dest "$temporary"
"$python" - "$temporary" "${LIBRARIES[@]}" << 'PYTHON'
import glob, shutil, sys, zipfile

folder, *libraries = sys.argv[1:]
with zipfile.ZipFile(glob.glob(f"{folder}/*.whl")[0]) as wheel:
    for library in libraries:
        with wheel.open(f"onnxruntime/capi/{library}") as source, open(f"{folder}/{library}", "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
PYTHON

for library in "${LIBRARIES[@]}"; do
  chmod 644 "$temporary/$library"
  mv -f "$temporary/$library" "$folder/$library"
done
printf '{"onnxruntime": "%s", "wheel_sha256": "%s"}\n' "$VERSION" "$SHA256" > "$folder/libonnxruntime_providers.json"
(cd "$folder" && du -h "${LIBRARIES[@]}")
echo 'logpr inspect --provider says what else CUDA needs here'
