"""Models that a person taught: where they lie, under which names, and what they were taught."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection
from pathlib import Path
from uuid import uuid4

from napari_sam.errors import CheckpointError, DataError, ModelError, UnknownModelError
from napari_sam.models import zoo
from napari_sam.models.entry import Entry
from napari_sam.models.headers import look_at, read_safetensors_header
from napari_sam.models.home import home
from napari_sam.models.lesson import Lesson, history_of

__all__ = ["draft", "free_name", "keep", "lessons_of", "names_taken"]

_DRAFT = ".not chosen yet"  # how the names of files begin that nobody has chosen
_OLD = 7 * 24 * 3600  # seconds after which they are removed


def folder() -> Path:
    """Return where taught models lie."""
    return home() / "taught"


def draft() -> Path:
    """Name a file for a model about which its person has not decided; older ones are removed.

    Each has a name of its own: two panels may teach at once.
    """
    for path in folder().glob(f"{_DRAFT}*"):
        try:
            if time.time() - path.stat().st_mtime > _OLD:
                path.unlink()
        except OSError:  # another process is as tidy
            continue
    return folder() / f"{_DRAFT} {uuid4().hex}.safetensors"


def free_name(name: str, taken: Collection[str]) -> str:
    """Propose a name for a model that was made of another one.

    Examples
    --------
    >>> free_name("cells", {"cells"}), free_name("my_cells", {"cells", "my_cells"})
    ('my_cells', 'my_cells_2')
    """
    stem = re.sub(r"(_\d+)?$", "", Path(name).stem, count=1)
    first = found = stem if stem.startswith("my_") else f"my_{stem}"
    number = 1
    while found in taken:
        number += 1
        found = f"{first}_{number}"
    return found


def names_taken() -> set[str]:
    """Return the names of all models, and of all files of taught ones."""
    return {entry.name for entry in zoo.available()} | {
        path.stem for path in folder().glob("*.safetensors")
    }


def keep(path: Path, name: str) -> Entry:
    """Put a taught model among the others, under a name of its own.

    Raises
    ------
    ParameterError, ModelError, CheckpointError, DataError
        And nothing has changed.
    """
    target = folder() / f"{zoo.checked_name(name)}.safetensors"
    if target.exists():
        raise ModelError(f"There is a model {name!r} already: choose another name.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    except OSError as error:
        raise DataError(f"{target} cannot be written ({error.strerror}).") from error
    try:
        return zoo.add(target, name)
    except BaseException:
        os.replace(target, path)
        raise


def lessons_of(name: str) -> tuple[Lesson, ...]:
    """Read what a model was taught, the last lesson last; without loading it.

    Parameters
    ----------
    name : str
        Of a model, or the path of a checkpoint.
    """
    try:
        path = zoo.info(name).path
    except UnknownModelError:
        path = Path(name)
    try:
        if path is None or look_at(path) != "safetensors":
            return ()
        return history_of(read_safetensors_header(path).metadata.get("history", "[]"))
    except CheckpointError:
        return ()
