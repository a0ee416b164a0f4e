"""One model that can be had by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_sam.models.family import Family
from napari_sam.models.home import folders


@dataclass(frozen=True)
class Weights:
    """A file of weights that is published.

    Parameters
    ----------
    file : str
        What it is called here.
    bytes : int
        Its size; 0 where nobody pins it.
    known_hash : str
        SHA-256 of the file, or ``md5:`` or ``xxh128:`` and such a hash; empty where none is
        prescribed.
    urls : tuple of str
        Where it is downloaded from, the first that works.
    about : int
        Its size in MB, roughly, where `bytes` is 0.
    """

    file: str
    bytes: int
    known_hash: str
    urls: tuple[str, ...] = ()
    about: int = 0

    @property
    def size(self) -> int:
        """Its size in bytes, roughly where nobody pins it."""
        return self.bytes or self.about * 1_000_000

    def is_in(self, folder: Path) -> bool:
        """Whether it lies in a folder, by its name and size; the hash is checked when loaded."""
        path = folder / self.file
        try:
            return path.is_file() and (not self.bytes or path.stat().st_size == self.bytes)
        except OSError:
            return False


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
        Size of the file; 0 for the embedded model, which is part of the package, and where nobody
        pins it.
    known_hash : str
        As of `Weights`.
    url : str
        Where it is downloaded from; empty for embedded and added models.
    licence : str
        Licence of the weights.
    good_for : str
        When to choose it.
    mirrors : tuple of str
        Where else it is, in the order in which that is tried.
    about : int
        As of `Weights`.
    beside : tuple of Weights
        Further files that it needs, in the same folder.
    """

    name: str
    family: Family
    file: str
    bytes: int
    known_hash: str
    url: str
    licence: str
    good_for: str
    mirrors: tuple[str, ...] = ()
    about: int = 0
    beside: tuple[Weights, ...] = ()

    @property
    def weights(self) -> tuple[Weights, ...]:
        """All its files, the checkpoint itself first; none for the embedded model."""
        if not self.file:
            return ()
        urls = (self.url, *self.mirrors) if self.url else ()
        itself = Weights(self.file, self.bytes, self.known_hash, urls, self.about)
        return (itself, *self.beside)

    @property
    def size(self) -> int:
        """Bytes of all its files, roughly where nobody pins them; 0 for the embedded model."""
        return sum(one.size for one in self.weights)

    @property
    def path(self) -> Path | None:
        """Where its file lies or shall lie; None for the embedded model.

        Downloads come first, then the folders of ``NAPARI_SAM_MODELS``.
        """
        if not self.file:
            return None
        file = Path(self.file)
        if file.is_absolute():
            return file
        every = folders()
        whole = (folder for folder in every if all(one.is_in(folder) for one in self.weights))
        return next(whole, every[0]) / self.file

    @property
    def ready(self) -> bool:
        """Whether it can be loaded without a download (the hash is checked when it is)."""
        path = self.path
        if path is None:
            return True
        if self.url:
            return all(one.is_in(path.parent) for one in self.weights)
        try:
            return path.is_file()
        except OSError:
            return False
