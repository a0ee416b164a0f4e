"""The methods there are: a row and a file each."""

from __future__ import annotations

import importlib
from typing import Any

from napari_sam.errors import ParameterError
from napari_sam.methods.method import Method

# Name, and the module whose METHOD it is; the first is the default.
ROWS: dict[str, str] = {
    "cells": "napari_sam.methods.cells",
    "everything": "napari_sam.methods.everything",
    "similar": "napari_sam.methods.similar",
    "concept": "napari_sam.methods.concept",
    "volume": "napari_sam.methods.volume",
    "track": "napari_sam.methods.track",
}


def names() -> tuple[str, ...]:
    """Name all methods.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> names()[:2]
    ('cells', 'everything')
    """
    return tuple(ROWS)


def method(name: str | Method[Any]) -> Method[Any]:
    """Return a method by its name.

    Parameters
    ----------
    name : str or Method
        A method is returned as it is.

    Raises
    ------
    ParameterError
        When there is no method of that name.
    """
    if isinstance(name, Method):
        return name
    if not isinstance(name, str) or name not in ROWS:
        raise ParameterError(f"method must be one of {', '.join(ROWS)}, got {name!r}.")
    found: Method[Any] = importlib.import_module(ROWS[name]).METHOD
    return found


def methods() -> tuple[Method[Any], ...]:
    """Return all methods, in the order in which they are offered."""
    return tuple(method(name) for name in ROWS)


def joining(base: str) -> tuple[Method[Any], ...]:
    """Return the methods that join what another one finds on every plane.

    Examples
    --------
    >>> [known.name for known in joining("cells")]
    ['volume', 'track']
    """
    return tuple(known for known in methods() if known.base == base)


def method_of(options: Any) -> Method[Any]:
    """Return the method whose options these are.

    Raises
    ------
    ParameterError
    """
    for known in methods():
        if type(options) is known.kind:
            return known
    raise ParameterError(f"{type(options).__name__} are the options of no method.")
