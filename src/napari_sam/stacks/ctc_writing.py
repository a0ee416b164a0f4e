"""Folders of the Cell Tracking Challenge, written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError, LabelsError

if TYPE_CHECKING:
    import pandas as pd

#: Names of the images and of the table, in results and in reference data.
RESULT, TRUTH = ("mask", "res_track.txt"), ("man_track", "man_track.txt")


def write(
    labels: npt.NDArray[np.integer[Any]],
    cells: pd.DataFrame,
    parents: dict[int, int],
    folder: str | Path,
    *,
    truth: bool = False,
) -> Path:
    """Write tracks as a folder of the Cell Tracking Challenge.

    The format knows no gaps: a track with one is written as two, the second with the first as
    its parent, which reading puts together again.

    Parameters
    ----------
    labels : (T, ...) integer array
        One id per track.
    cells : pandas.DataFrame
        A row per object and frame, with ``label`` and ``frame``.
    parents : dict of int to int
        From the id of a daughter to that of her mother.
    folder : str or Path
        Made where it is missing. Nothing that is there is overwritten.
    truth : bool
        Named like reference data (``man_track...``) and not like results (``mask...``).

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DataError
        When the folder holds a table of tracks already.
    LabelsError
        When there are more tracks than 16 bits can number.
    """
    import tifffile

    prefix, name = TRUTH if truth else RESULT
    target = Path(folder)
    if (target / name).exists():
        raise DataError(f"{target} holds tracks already ({name}): choose another folder.")
    pieces = _pieces(cells, parents)
    if len(pieces) > np.iinfo(np.uint16).max:
        raise LabelsError(
            f"The Cell Tracking Challenge numbers tracks with 16 bits, but there are {len(pieces)}."
        )
    target.mkdir(parents=True, exist_ok=True)
    digits = max(3, len(str(len(labels) - 1)))
    for t, frame in enumerate(labels):
        lookup = np.zeros(int(frame.max(initial=0)) + 1, np.uint16)
        for number, (track, first, last, _) in enumerate(pieces, 1):
            if first <= t <= last and track < len(lookup):
                lookup[track] = number
        file = target / f"{prefix}{t:0{digits}d}.tif"
        tifffile.imwrite(file, lookup[frame], compression="zlib")
    rows = [f"{n} {first} {last} {p}" for n, (_, first, last, p) in enumerate(pieces, 1)]
    (target / name).write_text("".join(f"{row}\n" for row in rows), encoding="ascii")
    return target


def _pieces(cells: pd.DataFrame, parents: dict[int, int]) -> list[tuple[int, int, int, int]]:
    """Cut tracks at gaps: (track, first frame, last frame, number of the parent piece)."""
    seen = cells.groupby("label")["frame"].apply(lambda f: np.sort(f.to_numpy()))
    runs = [
        (int(track), run)
        for track, frames in seen.items()
        for run in np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    ]
    runs.sort(key=lambda item: (item[1][0], item[0]))
    last_piece: dict[int, int] = {}
    found = []
    for number, (track, run) in enumerate(runs, 1):
        parent = last_piece.get(track) or last_piece.get(parents.get(track, 0), 0)
        last_piece[track] = number
        found.append((track, int(run[0]), int(run[-1]), parent))
    return found
