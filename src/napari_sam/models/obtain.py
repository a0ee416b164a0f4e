"""The files of a model of the zoo: downloaded where they are not there, and checked."""

from __future__ import annotations

import os
from pathlib import Path

from napari_sam.errors import CheckpointError
from napari_sam.models import fetch
from napari_sam.models.entry import Entry, Weights
from napari_sam.models.home import folders
from napari_sam.progress import Progress, part, silent


def obtain(entry: Entry, progress: Progress = silent) -> Path:
    """Download the files of a model that are not there; return where the checkpoint lies.

    What lies in a folder of ``NAPARI_SAM_MODELS`` is used where it is right, and never replaced.

    Parameters
    ----------
    entry : Entry
        One that has a url.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Raises
    ------
    DownloadError, Cancelled
    """
    found, folder = entry.path, folders()[0]
    assert found is not None
    if found.parent != folder and _are_right(entry, found.parent):
        progress(1.0)
        return found
    done, size = 0, entry.size
    for one in entry.weights:
        share = part(progress, done / size, (done + one.size) / size) if size else progress
        fetch.fetch(
            addresses(one),
            folder / one.file,
            size=one.bytes or None,
            known_hash=one.known_hash,
            progress=share,
        )
        done += one.size
    return folder / entry.file


def _are_right(entry: Entry, folder: Path) -> bool:
    return all(
        fetch.is_complete(folder / one.file, one.bytes, one.known_hash) for one in entry.weights
    )


def addresses(weights: Weights) -> tuple[str, ...]:
    """List where a file is looked for: on the server that ``NAPARI_SAM_MIRROR`` names at first."""
    mirror = os.environ.get("NAPARI_SAM_MIRROR", "").rstrip("/")
    return (*([f"{mirror}/{weights.file}"] if mirror else []), *weights.urls)


def check(entry: Entry, path: Path) -> None:
    """Refuse files that are not those that the zoo knows, as far as its family will not.

    A family checks the SHA-256 of the checkpoint itself, which it needs anyway.

    Raises
    ------
    CheckpointError
    """
    for one in entry.weights:
        if one.file == entry.file and not is_other(one.known_hash):
            continue
        place = path.with_name(one.file)
        if not fetch.has_hash(place, one.known_hash):
            raise CheckpointError(
                f"{place} is not the file that the zoo knows of {entry.name!r} (its checksum "
                "differs): it is damaged or another version. Delete it and download it again: "
                f"napari-sam models download {entry.name}"
            )


def is_other(known_hash: str) -> bool:
    """Whether a hash is another one than SHA-256.

    Examples
    --------
    >>> is_other("md5:c6b8953247bcfdc8bb8ef91e36a6cacc"), is_other("")
    (True, False)
    """
    return ":" in known_hash
