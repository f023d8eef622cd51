"""Reads the NumPy file that ``POST /v1/logprob`` answers with ``Accept: application/zip``. NumPy itself is optional."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Union

#: Type codes of ``array`` and ``memoryview`` by those of NumPy.
_CODES = {"<i4": "i", "<i8": "q", "<f4": "f", "<f8": "d", "|u1": "B"}
_MAGIC = b"\x93NUMPY\x01\x00"

#: A ``numpy.ndarray`` where NumPy is installed, a ``memoryview`` otherwise: both have ``tolist``, ``shape`` and slices.
Array = Any


@dataclass(frozen=True)
class SequenceArrays:
    """One sequence. Arrays have an entry per token; a missing integer is -1, a missing number NaN."""

    #: Place in the request, sums and checks; for a failure, why there are no scores. As in a JSON response.
    result: Dict[str, Any]
    #: Position in the sequence of the token that the first entries belong to.
    start: int
    #: By name: ``ids``, ``log_probs``, ``top_ids``, ``top_log_probs``, ``ranks``, ``entropies``,
    #: ``log_prob_stds``, ``byte_starts``, ``byte_ends``.
    arrays: Dict[str, Array]

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]


class LogprobArrays:
    """All sequences of a response, in input order. ``flat`` has the arrays of all of them, one behind the other."""

    def __init__(self, data: Union[bytes, memoryview]) -> None:
        #: Every array of the file by its name; sequence i has the entries ``row_splits[i]`` to ``row_splits[i + 1]``.
        self.flat: Dict[str, Array] = {name: _array_of(member) for name, member in _members(data)}
        #: The response without its arrays: ``model``, ``results``, ``usage``, ``stamp``.
        self.meta: Dict[str, Any] = json.loads(self.flat.pop("meta").tobytes())

    def __len__(self) -> int:
        return len(self.meta["results"])

    def __getitem__(self, index: int) -> SequenceArrays:
        splits = self.flat["row_splits"]
        result = self.meta["results"][index]
        index = index % len(self)
        start, end = int(splits[index]), int(splits[index + 1])
        arrays = {name: _rows(array, start, end) for name, array in self.flat.items() if name in _PER_TOKEN}
        return SequenceArrays(result, int(self.flat["starts"][index]), arrays)

    def __iter__(self) -> Iterator[SequenceArrays]:
        return (self[i] for i in range(len(self)))


_PER_TOKEN = frozenset(
    ["ids", "log_probs", "top_ids", "top_log_probs", "ranks", "entropies", "log_prob_stds", "byte_starts", "byte_ends"]
)


def _members(data: Union[bytes, memoryview]) -> List[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return [(name.removesuffix(".npy"), file.read(name)) for name in file.namelist()]


def _array_of(member: bytes) -> Array:
    if not member.startswith(_MAGIC):
        raise ValueError("a member of the response is not a .npy array of version 1.0")
    length = int.from_bytes(member[8:10], "little")
    header = ast.literal_eval(member[10 : 10 + length].decode("latin-1"))
    body = memoryview(member)[10 + length :]
    try:
        import numpy
    except ImportError:
        code: Any = _CODES[header["descr"]]
        return body.cast(code, header["shape"]) if len(body) else memoryview(b"")
    return numpy.frombuffer(body, header["descr"]).reshape(header["shape"])


def _rows(array: Array, start: int, end: int) -> Array:
    if len(array.shape) == 1 or not isinstance(array, memoryview):
        return array[start:end]
    # A memoryview of several dimensions cannot be sliced.
    shape: Any = array.shape
    row_bytes = array.itemsize * shape[1]
    flat: Any = array.cast("B")[start * row_bytes : end * row_bytes]
    return flat.cast(array.format, (end - start, shape[1])) if end > start else flat
