"""Points to ask about, from a file: one grid per layer of crops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_sam.errors import DataError


def read_point_grids(path: Path) -> list[Any]:
    """Read ``point_grids``, as `napari_sam.methods.settings.Settings` takes them.

    Parameters
    ----------
    path : Path
        ``.npy`` with (N, 2) or (layers, N, 2) numbers, or ``.json`` with a list of ``[x, y]``
        or, one per layer, a list of such lists; fractions 0..1.

    Raises
    ------
    DataError
        When there is no such file or it holds something else.
    """
    import numpy as np

    if not path.is_file():
        raise DataError(f"There is no file {path} to read point grids from.")
    try:
        if path.suffix.lower() == ".npy":
            held: Any = np.load(path, allow_pickle=False)
        elif path.suffix.lower() == ".json":
            held = json.loads(path.read_text(encoding="utf-8"))
        else:
            raise DataError(f"{path.name}: point grids are read from .npy and .json files.")
        # One grid alone is that of the only layer.
        grids = [held] if _depth(held) == 2 else list(held)
        return [np.asarray(grid, dtype=np.float64) for grid in grids]
    except DataError:
        raise
    except (ValueError, TypeError, OSError, EOFError) as error:
        raise DataError(
            f"{path.name} holds no point grids ({error}): give a list of [x, y] as fractions "
            "0..1, or one such list per layer of crops."
        ) from error


def _depth(held: Any) -> int:
    """How deeply lists are nested, down their first items."""
    if not isinstance(held, list):
        return int(getattr(held, "ndim", 0))
    depth = 0
    while isinstance(held, list):
        depth += 1
        held = held[0] if held else None
    return depth
