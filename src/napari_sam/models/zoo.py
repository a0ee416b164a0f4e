"""The zoo: one table of the models that can be had by name, and those that a person added."""

from __future__ import annotations

import os
import reprlib
import shlex
from pathlib import Path

from napari_sam import checks
from napari_sam.errors import CheckpointError, ModelError, ParameterError, UnknownModelError
from napari_sam.models.added import added, change
from napari_sam.models.entry import Entry
from napari_sam.models.families import family_of
from napari_sam.models.family import Request
from napari_sam.models.obtain import obtain
from napari_sam.models.paths import checkpoint_at, checkpoint_name, given_path
from napari_sam.models.published import ZOO
from napari_sam.progress import Progress, silent
from napari_sam.spelling import did_you_mean

__all__ = [
    "ZOO",
    "Entry",
    "add",
    "available",
    "check_free",
    "checked_name",
    "download",
    "gone",
    "info",
    "remove",
]

_LONGEST = 100  # letters of a name


def available() -> tuple[Entry, ...]:
    """List all models: those of the zoo, then those that the user added.

    Returns
    -------
    tuple of Entry

    Raises
    ------
    DataError
        When the list of added models is damaged or may not be read.

    Examples
    --------
    >>> [entry.name for entry in available()][:2]
    ['cells', 'sam_vit_b']
    """
    taken = {entry.name for entry in ZOO}
    return (*ZOO, *(entry for entry in added() if entry.name not in taken))


def info(name: str) -> Entry:
    """Look a model up by name.

    Returns
    -------
    Entry

    Raises
    ------
    ParameterError
        When the name is no text.
    UnknownModelError
        With all names, and the nearest ones first.
    DataError
        When it is none of the zoo, and the list of added models cannot be read.
    """
    checks.text(name, "The name of a model")
    # The zoo first: its models work whatever became of the list of added ones.
    for entry in ZOO:
        if entry.name == name:
            return entry
    entries = {entry.name: entry for entry in available()}
    if name in entries:
        return entries[name]
    guess = did_you_mean(name, entries, least=0.5)
    raise UnknownModelError(
        f"There is no model {reprlib.repr(name)} and no file of that name.{guess} "
        f"Models: {', '.join(entries)}. A checkpoint of your own is given by its path."
    )


def download(name: str, *, progress: Progress = silent) -> Path | None:
    """Download a model's file, unless it is there; None for the embedded model.

    Parameters
    ----------
    name : str
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    Path or None

    Raises
    ------
    ParameterError, UnknownModelError, DownloadError, Cancelled
    ModelError
        When it is one that was added, and its file is no longer there.
    """
    checks.reports(progress)
    entry = info(name)
    if entry.url:
        return obtain(entry, progress)
    if not entry.ready:
        raise gone(entry)
    return entry.path


def add(path: str | os.PathLike[str], name: str | None = None) -> Entry:
    """Register a checkpoint of the user's under a name; the file stays where it is.

    Parameters
    ----------
    path : path
        A checkpoint that `load_model` can read; it is loaded to make sure.
    name : str, optional
        The file's stem by default, or the name of its folder; see `checkpoint_name`.

    Returns
    -------
    Entry

    Raises
    ------
    ParameterError
        When the path or the name is none.
    ModelError
        When the name is taken by the zoo or by another file that is still there.
    CheckpointError
        When the file is no such checkpoint.
    DataError
        When the list of added models cannot be read or written.
    """
    file = checkpoint_at(given_path(path))
    if file is None:
        raise CheckpointError(f"There is no checkpoint file at {reprlib.repr(str(path))}.")
    name = checked_name(checkpoint_name(file) if name is None else name)
    _check_free(name, file, added())
    family = family_of(file)
    # What it refuses is not added.
    model = family.load(Request(file, "cpu", name, precision="float32"))
    itself = ", finds cells by itself" if model.has_instances else ""
    taught = f", taught {len(model.history)} times" if model.history else ""
    entry = Entry(
        name=name,
        family=family,
        file=str(file),
        bytes=file.stat().st_size,
        known_hash="",
        url="",
        licence=model.licence or "as its author says",
        good_for=f"Your own checkpoint: {family.title}{itself}{taught}.",
    )

    def edit(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        _check_free(name, file, entries)
        return (*(other for other in entries if other.name != name), entry)

    change(edit)
    return entry


def remove(name: str) -> None:
    """Forget a checkpoint that was added; its file is left alone.

    Raises
    ------
    ParameterError, UnknownModelError, ModelError, DataError
    """
    info(name)
    if name in {entry.name for entry in ZOO}:
        raise ModelError(f"{name!r} belongs to the zoo and cannot be removed from it.")
    change(lambda entries: tuple(entry for entry in entries if entry.name != name))


def checked_name(name: str) -> str:
    """Return a name that a model can have.

    Raises
    ------
    ParameterError
    """
    checks.text(name, "The name of a model")
    sound = name.strip() == name and name.isprintable() and not set(name) & set("/\\")
    if not name or len(name) > _LONGEST or not sound or name.startswith(("-", ".", "~")):
        raise ParameterError(
            f"{reprlib.repr(name)} cannot be the name of a model: take up to {_LONGEST} letters "
            "and digits without '/', and no '-', '.' or '~' in front."
        )
    return name


def gone(entry: Entry) -> ModelError:
    """Make the error for a model that was added, and whose file has been moved or deleted."""
    return ModelError(
        f"The file of the model {entry.name!r} is no longer at {entry.file}. Put it back, or add "
        "it again from where it is now: napari-sam models add PATH --name "
        f"{shlex.quote(entry.name)}. In the panel: other file…, in the list of models."
    )


def check_free(name: str, file: Path) -> None:
    """Refuse a name under which a file could not be added.

    Raises
    ------
    ParameterError, ModelError, DataError
    """
    _check_free(checked_name(name), file.parent.resolve() / file.name, added())


def _check_free(name: str, file: Path, entries: tuple[Entry, ...]) -> None:
    if name in {entry.name for entry in ZOO}:
        raise ModelError(
            f"{name!r} is the name of a published model. Choose another name, such as 'my_{name}'."
        )
    for entry in entries:
        # The name of a file that has been moved goes with it.
        if entry.name == name and entry.file != str(file) and entry.ready:
            raise ModelError(f"{name!r} is already the name of {entry.file}. Choose another.")
