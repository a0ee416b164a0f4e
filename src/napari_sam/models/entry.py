"""One model that can be had by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_sam.models.family import Family
from napari_sam.models.home import home


@dataclass(frozen=True)
class Entry:
    """One model of the zoo, or one that the user added.

    Parameters
    ----------
    name : str
        What `load_model` takes.
    family : Family
        Who loads it.
    file : str
        File name; a full path for a model that the user added; empty for the embedded model.
    bytes : int
        Size of the file; 0 for the embedded model, which is part of the package.
    sha256 : str
        Hash of the file; empty where none is prescribed.
    url : str
        Where it is downloaded from; empty for embedded and added models.
    licence : str
        Licence of the weights.
    good_for : str
        When to choose it.
    """

    name: str
    family: Family
    file: str
    bytes: int
    sha256: str
    url: str
    licence: str
    good_for: str

    @property
    def path(self) -> Path | None:
        """Where its file lies or shall lie; None for the embedded model."""
        if not self.file:
            return None
        file = Path(self.file)
        return file if file.is_absolute() else home() / "models" / file

    @property
    def ready(self) -> bool:
        """Whether it can be loaded without a download (the hash is checked when it is)."""
        path = self.path
        if path is None:
            return True
        try:
            return path.is_file() and (not self.url or path.stat().st_size == self.bytes)
        except OSError:
            return False
