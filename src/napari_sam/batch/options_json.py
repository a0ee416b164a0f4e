"""Options of a method as plain JSON values, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_sam.errors import ParameterError
from napari_sam.files.places import from_here, where_it_is
from napari_sam.methods.option import described
from napari_sam.methods.preset import is_preset
from napari_sam.methods.registry import method

_FILE, _SEEN = "file", "from_here"


def spelled(options: Any, folder: Path | None = None) -> dict[str, Any]:
    """Spell options; what nobody chose and depends on the model is left to the model.

    Parameters
    ----------
    options : dataclass
        Of a method.
    folder : Path, optional
        From which files that options came from are seen, besides where they lie.

    Returns
    -------
    dict
        Plain values by the names of the options.

    Examples
    --------
    >>> from napari_sam.methods.options import CellOptions
    >>> spelled(CellOptions(diameter=30))["diameter"]
    30.0
    """
    found = {}
    for name, _, what in described(options):
        value = getattr(options, name)
        if is_preset(value):
            continue
        if what.read is not None and value is not None:
            by_file = hasattr(value, "file")
            value = (
                _told(value.file, folder)
                if by_file
                else [np.asarray(part).tolist() for part in value]
            )
        found[name] = value
    return found


def _told(file: Path | None, folder: Path | None) -> dict[str, str]:
    """Say where labels of examples lie, which are too large to be written into a record."""
    told = {_FILE: "" if file is None else str(file.absolute())}
    seen = None if file is None or folder is None else from_here(file, folder)
    return told if seen is None else {**told, _SEEN: seen}


def options_from(name: str, words: dict[str, Any], folder: Path = Path()) -> Any:
    """Make the options of a method of what `spelled` said of them.

    Parameters
    ----------
    name : str
        Of the method.
    words : dict
    folder : Path
        Where files are looked for that are not where they were.

    Returns
    -------
    dataclass

    Raises
    ------
    ParameterError
        When the method is not known, or has no such options.

    Examples
    --------
    >>> options_from("cells", {"min_area": 7}).min_area
    7
    """
    kind = method(name).kind
    known = {one.name: one.option for one in described(kind)}
    strange = sorted(set(words) - set(known))
    if strange:
        raise ParameterError(f"The method {name!r} has no option {strange[0]!r}.")
    read = {one: _read(known[one].read, value, folder) for one, value in words.items()}
    return kind(**read)


def _read(reader: Any, value: Any, folder: Path) -> Any:
    """Read what a file holds, of which the words say where it lies."""
    if reader is None or not isinstance(value, dict):
        return value
    if not value[_FILE]:
        raise ParameterError(
            "the examples came from no file: give them as labels, by --examples or in Python"
        )
    return reader(where_it_is(Path(value[_FILE]), value.get(_SEEN), folder))
