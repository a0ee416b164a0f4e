"""Tracks read from and written to folders of the Cell Tracking Challenge."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam.errors import LabelsError
from napari_sam.files.ctc import read_ctc
from napari_sam.stacks.frames import describe
from napari_sam.stacks.lineage import Nodes
from napari_sam.stacks.tracks import Tracks, describe_tracks

if TYPE_CHECKING:
    from napari_sam.stacks.frames import Objects


def save(tracks: Tracks, folder: str | Path, *, truth: bool = False) -> Path:
    """Write tracks as such a folder, see `Tracks.save_ctc`."""
    return tracks.save_ctc(folder, truth=truth)


def load(folder: str | Path) -> Tracks:
    """Read such a folder, see `napari_sam.files.ctc.read_ctc`.

    Raises
    ------
    DataError, LabelsError
    """
    return tracks_of(*read_ctc(folder))


def tracks_of(labels: Any, parents: Mapping[int, int]) -> Tracks:
    """Make `Tracks` of labels (T, ...) that hold one id per track already.

    Parameters
    ----------
    labels : (T, H, W) or (T, Z, H, W) integer array
        Read frame by frame.
    parents : mapping of int to int
        From the id of a daughter to that of her mother.

    Raises
    ------
    LabelsError
        When a parent or a daughter is not in the labels.
    """
    frames: list[Objects] = [describe(np.asarray(labels[t])) for t in range(labels.shape[0])]
    track = np.concatenate([frame.ids for frame in frames])
    unknown = (set(parents) | set(parents.values())) - set(track.tolist())
    if unknown:
        raise LabelsError(f"The tracks {sorted(unknown)} have relatives but are in no frame.")
    score = np.full(len(track), np.nan)
    table, cells = describe_tracks(track, Nodes.of(frames), dict(parents), score)
    return Tracks(labels, table, dict(parents), cells)
