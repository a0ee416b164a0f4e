"""Folders of the Cell Tracking Challenge, read: one image of ids per frame, a table of tracks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError, LabelsError
from napari_sam.stacks.ctc_writing import RESULT, TRUTH
from napari_sam.stacks.frames import describe
from napari_sam.stacks.lineage import Nodes
from napari_sam.stacks.tracks import Tracks, describe_tracks

if TYPE_CHECKING:
    from napari_sam.stacks.frames import Objects


def save(tracks: Tracks, folder: str | Path, *, truth: bool = False) -> Path:
    """Write tracks as such a folder, see `Tracks.save_ctc`."""
    return tracks.save_ctc(folder, truth=truth)


def load(folder: str | Path) -> Tracks:
    """Read a folder of the Cell Tracking Challenge, results or reference data.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    Tracks
        With the ids of the folder. A track that goes on after a gap as the only child of
        another gets its id.

    Raises
    ------
    DataError
    """
    import tifffile

    source = Path(folder)
    kinds = [kind for kind in (RESULT, TRUTH) if (source / kind[1]).is_file()]
    if not kinds:
        raise DataError(
            f"{source} is no folder of the Cell Tracking Challenge: it holds neither "
            f"{RESULT[1]} nor {TRUTH[1]}."
        )
    prefix, name = kinds[0]
    files = sorted(
        (int(match[1]), path)
        for path in source.iterdir()
        if (match := re.fullmatch(rf"{prefix}(\d+)\.tif", path.name))
    )
    if not files:
        raise DataError(f"{source} holds {name}, but no images {prefix}000.tif, ...")
    labels = np.stack([tifffile.imread(path) for _, path in files]).astype(np.int32)
    rows = _table(source / name)
    same = _same(rows)
    parents = {
        same.get(i, i): same.get(row[2], row[2])
        for i, row in rows.items()
        if row[2] and same.get(i, i) == i
    }
    lookup = np.arange(max(int(labels.max()), *same, 0) + 1, dtype=np.int32)
    for number, kept in same.items():
        lookup[number] = kept
    return tracks_of(lookup[labels], parents)


def tracks_of(labels: npt.NDArray[np.int32], parents: dict[int, int]) -> Tracks:
    """Make `Tracks` of labels (T, ...) that hold one id per track already.

    Raises
    ------
    LabelsError
        When a parent or a daughter is not in the labels.
    """
    frames: list[Objects] = [describe(frame) for frame in labels]
    track = np.concatenate([frame.ids for frame in frames])
    unknown = (set(parents) | set(parents.values())) - set(track.tolist())
    if unknown:
        raise LabelsError(f"The tracks {sorted(unknown)} have relatives but are in no frame.")
    score = np.full(len(track), np.nan)
    table, cells = describe_tracks(track, Nodes.of(frames), parents, score)
    return Tracks(labels, table, dict(parents), cells)


def _table(path: Path) -> dict[int, tuple[int, int, int]]:
    """Read ``number first last parent`` lines."""
    rows = {}
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        try:
            number, first, last, parent = (int(word) for word in line.split())
        except ValueError as error:
            if not line.strip():
                continue
            raise DataError(
                f"{path}: expected four whole numbers (track, first, last, parent), got {line!r}."
            ) from error
        rows[number] = (first, last, parent)
    return rows


def _same(rows: dict[int, tuple[int, int, int]]) -> dict[int, int]:
    """Return the id that every track which goes on after a gap belongs to."""
    children: dict[int, list[int]] = {}
    for number, (_, _, parent) in rows.items():
        if parent in rows:
            children.setdefault(parent, []).append(number)
    same: dict[int, int] = {}
    for number in sorted(rows, key=lambda n: rows[n][0]):
        first, _, parent = rows[number]
        if parent in rows and children[parent] == [number] and first > rows[parent][1] + 1:
            same[number] = same.get(parent, parent)
    return same
