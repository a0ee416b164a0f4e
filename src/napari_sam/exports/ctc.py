"""Tracks as a folder of the Cell Tracking Challenge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from napari_sam.errors import LabelsError
from napari_sam.exports.objects import Labelled
from napari_sam.files.atomic import folder_in_one_piece
from napari_sam.files.ctc import belongs, write_ctc
from napari_sam.id_columns import whole_numbers


def write(path: Path, what: Labelled) -> None:
    """Write labels of a movie that hold one id per track, (T, H, W) or (T, Z, H, W).

    The column ``parent`` of the table tells whose daughter a track is. Frames lie along the axis
    that is called so; along the only one there is, or the first, where none is. A folder that holds
    nothing but such tracks is replaced.

    Raises
    ------
    LabelsError
        When there are no frames.
    DataError
        When the folder holds something else.
    """
    letters, labels = what.letters, what.labels
    if not 1 <= len(letters) <= 2:
        raise LabelsError(
            "Tracks are labels of a movie (T, H, W) or of a movie of stacks (T, Z, H, W), got "
            f"shape {labels.shape}."
        )
    frames = np.moveaxis(labels, letters.index("T") if "T" in letters else 0, 0)
    with folder_in_one_piece(path, belongs) as folder:
        write_ctc(folder, frames, parents_in(what.table))


def parents_in(table: pd.DataFrame | None) -> dict[int, int]:
    """Read from a table whose daughter each track is; empty where it does not say.

    Examples
    --------
    >>> parents_in(pd.DataFrame({"label": [1, 2, 3], "parent": [0, 1, 1]}))
    {2: 1, 3: 1}
    """
    if table is None or "parent" not in table:
        return {}
    columns = (whole_numbers(table[name]).tolist() for name in ("label", "parent"))
    return {label: parent for label, parent in zip(*columns, strict=True) if parent > 0}
