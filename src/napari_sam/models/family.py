"""A family: checkpoints of one architecture, how they are told and how they are loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from napari_sam.models.capabilities import Suits
from napari_sam.models.headers import Header
from napari_sam.models.model import Model

Precision = Literal["auto", "float32", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True)
class Request:
    """Which checkpoint to load, and how.

    Parameters
    ----------
    path : Path or None
        None for a model that is part of the package.
    device : str
        A name that ``torch.device`` understands.
    name : str
        What the model is called.
    sha256 : str
        The hash that the file must have; any when empty.
    precision : {"auto", "float32", "int8"}
        One that the family has.
    """

    path: Path | None
    device: str
    name: str
    sha256: str = ""
    precision: Precision = "auto"

    @property
    def file(self) -> Path:
        """The path of a checkpoint, which all have but the model that is part of the package."""
        assert self.path is not None
        return self.path


@dataclass(frozen=True)
class Family:
    """Checkpoints of one architecture.

    Parameters
    ----------
    name : str
        By which the list of added models remembers it.
    title : str
        In words, for messages.
    recognises : callable
        Whether a file with this header is one of its checkpoints.
    load : callable
        Makes the model; imports what it needs only when it is called. Raises `CheckpointError`
        for a file that is damaged or another one than its header promised.
    precisions : tuple of str
        What ``load_model(..., precision=)`` may be.
    suits : mapping
        Options of methods that suit its models where nobody chose others, by the names of the
        method and of the option; `napari_sam.models.model.Model.suits` says the same.
    abilities : tuple of str
        Capabilities that its checkpoints may have beside answering prompts, for who chooses a
        model before it is loaded; `napari_sam.models.capabilities` has their names.
    """

    name: str
    title: str
    recognises: Callable[[Header], bool]
    load: Callable[[Request], Model]
    precisions: tuple[Precision, ...] = ("auto", "float32")
    suits: Suits = field(default_factory=dict)
    abilities: tuple[str, ...] = ()
