"""The shape of a catalogue entry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """One model folder: how it is made and what has to come of it."""

    name: str
    architecture: str
    """A key of `architectures.OF_MODEL_TYPE`."""
    layout: str
    """In words, for tables."""
    make: Callable[[Path], None]
    """Writes the folder, which exists and is empty."""
    files: Mapping[str, str] = field(default_factory=lambda: {"fp32": "model.onnx"})
    """dtype, as `--dtype` names it, to the file that it has to choose."""
    changes: Mapping[str, object] = field(default_factory=dict)
    """Differences of the configuration from the table."""
    refused: str | None = None
    """A regular expression that the reason of the refusal matches; None for a model that works."""
