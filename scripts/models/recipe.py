"""The shape of a catalogue entry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Recipe:
    """A model folder: how it is built and its required outcome."""

    name: str
    architecture: str
    """A key of `architectures.OF_MODEL_TYPE`."""
    layout: str
    """A description for tables."""
    make: Callable[[Path], None]
    """Writes the files to the folder, which exists and is empty."""
    files: Mapping[str, str] = field(default_factory=lambda: {"fp32": "model.onnx"})
    """File that each value of `--dtype` must select."""
    changes: Mapping[str, object] = field(default_factory=dict)
    """Changes to the tiny configuration."""
    refused: str | None = None
    """A regular expression for the reason of the rejection; None for a model that works."""
