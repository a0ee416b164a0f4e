"""What somebody meant who typed a name that is nearly right, or gave what holds what is wanted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_LONGEST = 100  # letters of a name that are compared
_SHORTEST = 3  # letters that are looked for within names


def did_you_mean(name: str, known: Iterable[str], least: float = 0.6) -> str:
    """Return a question to end a message with; empty where no name is near.

    It asks for the nearest names, else for some that contain what was typed.

    Parameters
    ----------
    name : str
        What was typed.
    known : iterable of str
        The names that there are.
    least : float
        0 to 1: how near they have to be.

    Returns
    -------
    str

    Examples
    --------
    >>> did_you_mean("diamter", ["diameter", "smoothing"])
    " Did you mean 'diameter'?"
    >>> did_you_mean("strength", ["diameter", "smoothing"])
    ''
    >>> did_you_mean("SAM2", ["sam2.1_tiny", "edgetam"])
    " Did you mean 'sam2.1_tiny'?"
    """
    known = list(known)
    near = difflib.get_close_matches(name[:_LONGEST], known, n=2, cutoff=least)
    if not near and len(name) >= _SHORTEST:
        near = [one for one in known if name.casefold() in one.casefold()][:2]
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def instead_of(value: Any) -> str:
    """Return advice to end a message with: what to give instead of what holds it.

    Parameters
    ----------
    value : object
        What was given for an array: a file, a folder, a result, a layer.

    Returns
    -------
    str
        Empty where it is none of these.

    Examples
    --------
    >>> instead_of("a.tif")
    ' Read the file first, by napari_sam.read_image or read_labels.'
    """
    if isinstance(value, str | Path):
        if _is_folder(value):
            return (
                " It is a folder: read its files one by one, by napari_sam.read_image, "
                "or run 'napari-sam segment' on it."
            )
        if isinstance(value, Path) or Path(value).suffix[1:].isalpha():
            return " Read the file first, by napari_sam.read_image or read_labels."
    if hasattr(value, "labels") and hasattr(value, "table"):
        return " Give its array, .labels."
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # on a graphics card, or with gradients
        return " Give its array, .detach().cpu().numpy()."
    if hasattr(value, "filled"):  # a masked array
        return " Give its array, .filled(0) or with another value for what is masked."
    if not hasattr(value, "__array__") and hasattr(getattr(value, "data", None), "shape"):
        return " Give its array, .data."  # of a layer of napari
    return ""


def _is_folder(value: str | Path) -> bool:
    try:
        return bool(str(value)) and Path(value).is_dir()
    except (OSError, ValueError):  # a name too long, a NUL in it
        return False
