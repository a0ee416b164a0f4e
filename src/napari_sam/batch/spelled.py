"""Options of a method in words that JSON has, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_sam.errors import ParameterError
from napari_sam.methods.option import described
from napari_sam.methods.preset import is_preset
from napari_sam.methods.registry import method


def spelled(options: Any) -> dict[str, Any]:
    """Spell options; what nobody chose and depends on the model is left to the model.

    Parameters
    ----------
    options : dataclass
        Of a method.

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
            value = [np.asarray(part).tolist() for part in value]
        found[name] = value
    return found


def options_from(name: str, words: dict[str, Any]) -> Any:
    """Make the options of a method of what `spelled` said of them.

    Parameters
    ----------
    name : str
        Of the method.
    words : dict

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
    strange = sorted(set(words) - {one.name for one in described(kind)})
    if strange:
        raise ParameterError(f"The method {name!r} has no option {strange[0]!r}.")
    return kind(**words)
