"""What a checkpoint file is, in words: for messages about a file that was taken for another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_sam.errors import CheckpointError
from napari_sam.models.entry import Entry
from napari_sam.models.families import family_of


def identify(path: Path, known: Iterable[Entry]) -> str:
    """Say in a sentence what a checkpoint file is.

    Parameters
    ----------
    path : Path
    known : iterable of Entry
        Models whose files are told by their hashes.

    Returns
    -------
    str
        Such as ``"It is the file of 'sam2.1_small'."``
    """
    from napari_sam.models.checkpoints import file_sha256

    size = path.stat().st_size
    alike = [entry for entry in known if entry.bytes == size and entry.known_hash]
    found = file_sha256(path) if alike else ""
    for entry in alike:
        if entry.known_hash == found:
            return f"It is the file of {entry.name!r}."
    try:
        return f"It is a checkpoint of {family_of(path).title}."
    except CheckpointError as error:
        return str(error)
