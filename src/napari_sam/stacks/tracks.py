"""Tracks: labels of a movie with one id per cell, who came from whom, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from napari_sam.errors import LabelsError
from napari_sam.files.ctc import read_ctc, write_ctc
from napari_sam.progress import Progress, silent
from napari_sam.segmentation import Segmentation, check_id
from napari_sam.stacks.frames import Floats, FrameObjects, describe, repaint
from napari_sam.stacks.lineage import Lineage, Nodes
from napari_sam.stacks.logistic import probability

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Tracks(Segmentation):
    """A movie whose objects have one id through all frames.

    Parameters
    ----------
    labels : (T, H, W) or (T, Z, H, W) integer array
        One id per track; 0 is background.
    table : pandas.DataFrame
        A row per track: ``label, parent, first, last`` (frames), ``frames`` (how many it is
        seen in), ``area`` (mean, in pixels; of stacks ``voxels``), ``path`` (distance travelled,
        in pixels), ``weakest`` (the frame that its least certain link leads to, else its first)
        and ``score``, the probability of that link (NaN where it has none).
    parents : dict of int to int
        From the id of a daughter to that of her mother.
    cells : pandas.DataFrame
        A row per object and frame: ``label, frame, area, centroid_row, centroid_col`` (in movies
        of stacks ``voxels``, and ``centroid_slice`` before the others) and ``score``, the
        probability of the link that led to it.
    """

    parents: dict[int, int] = field(default_factory=dict)
    cells: pd.DataFrame = field(default=None)

    _NOUN: ClassVar[str] = "track"
    _AXES: ClassVar[str] = "T"

    @classmethod
    def _of(cls, labels: npt.NDArray[np.integer[Any]], table: pd.DataFrame) -> Self:
        """Put together what was read; how sure each link is that is not the weakest is not kept."""
        if "parent" not in table:
            raise LabelsError("These are no tracks: the table beside the labels has no parents.")
        daughters = table[table["parent"] > 0]
        parents = dict(zip(daughters["label"].tolist(), daughters["parent"].tolist(), strict=True))
        return cls(labels, table, parents, tracks_of(labels, parents).cells)

    def save_ctc(self, folder: str | Path, *, truth: bool = False) -> Path:
        """Write a folder of the Cell Tracking Challenge, see `napari_sam.files.ctc.write_ctc`."""
        return write_ctc(folder, self.labels, self.parents, truth=truth)

    @classmethod
    def load_ctc(cls, folder: str | Path) -> Tracks:
        """Read a folder of the Cell Tracking Challenge, see `napari_sam.files.ctc.read_ctc`."""
        return tracks_of(*read_ctc(folder))

    def save_geff(self, path: str | Path) -> Path:
        """Write who follows whom as a GEFF, see `napari_sam.stacks.geff.save`."""
        from napari_sam.stacks import geff

        return geff.save(self, path)

    @classmethod
    def load_geff(cls, path: str | Path, labels: Any = None) -> Tracks:
        """Read a GEFF and the labels it is about, see `napari_sam.stacks.geff_reading.read`."""
        from napari_sam.stacks import geff_reading

        return tracks_of(*geff_reading.read(path, labels))

    def paths(self) -> npt.NDArray[np.float64]:
        """Return what a Tracks layer shows, (n, 2 + D): id, frame, and centroid."""
        columns = ["label", "frame", *(c for c in self.cells if c.startswith("centroid_"))]
        ordered = self.cells.sort_values(["label", "frame"], kind="stable")
        return np.asarray(ordered[columns], np.float64)

    def graph(self) -> dict[int, list[int]]:
        """Return a Tracks layer's graph: from the id of a daughter to those of her mothers."""
        return {child: [parent] for child, parent in self.parents.items()}


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
        When a parent or a daughter is not in the labels, or a parent does not begin before.
    """
    frames: list[FrameObjects] = [describe(np.asarray(labels[t])) for t in range(labels.shape[0])]
    track = np.concatenate([frame.ids for frame in frames])
    unknown = (set(parents) | set(parents.values())) - set(track.tolist())
    if unknown:
        raise LabelsError(f"The tracks {sorted(unknown)} have relatives but are in no frame.")
    begins: dict[int, int] = {}
    for t, frame in enumerate(frames):
        for one in frame.ids.tolist():
            begins.setdefault(one, t)
    for daughter, mother in parents.items():
        if begins[mother] >= begins[daughter]:
            raise LabelsError(
                f"Track {mother} cannot be the mother of {daughter}: they begin in the frames "
                f"{begins[mother]} and {begins[daughter]}, and a mother is there before."
            )
    score = np.full(len(track), np.nan)
    table, cells = describe_tracks(track, Nodes.of(frames), dict(parents), score)
    return Tracks(labels, table, dict(parents), cells)


def number_tracks(
    labels: Any,
    frames: list[FrameObjects],
    lineage: Lineage,
    out: Any,
    used: int = 0,
    progress: Progress = silent,
) -> Tracks:
    """Paint a movie with one id per track, in the order of appearance.

    Parameters
    ----------
    labels : (T, ...) integer array
        What `frames` describe.
    out : (T, ...) integer array
        What is painted; may be `labels`.
    used : int
        The highest id that others have.
    """
    track = np.zeros(len(lineage.before), np.int32)
    count = used
    for node, earlier in enumerate(lineage.before):
        if earlier >= 0:
            track[node] = track[earlier]
        else:
            count += 1
            track[node] = count
    check_id(count, out.dtype)
    daughters = np.flatnonzero(lineage.mother >= 0)
    parents = {int(track[d]): int(track[lineage.mother[d]]) for d in daughters}
    for t, frame in enumerate(frames):
        progress(t / len(frames))
        out[t] = repaint(np.asarray(labels[t]), frame, track[_nodes(lineage, t)])
    nodes = Nodes.of(frames)
    table, cells = describe_tracks(track, nodes, parents, probability(lineage.certainty))
    return Tracks(out, table, parents, cells)


def _nodes(lineage: Lineage, t: int) -> slice:
    return slice(int(lineage.start[t]), int(lineage.start[t + 1]))


def describe_tracks(
    track: npt.NDArray[np.integer[Any]], nodes: Nodes, parents: dict[int, int], score: Floats
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the tables of `Tracks` from the track of every node."""
    import pandas as pd

    names = ("centroid_slice", "centroid_row", "centroid_col")[-nodes.places.shape[1] :]
    size = "voxels" if len(names) == 3 else "area"
    cells = pd.DataFrame(
        {
            "label": track.astype(np.int64),
            "frame": nodes.frame,
            size: nodes.sizes,
            **dict(zip(names, nodes.places.T, strict=True)),
            "score": score,
        }
    )
    ordered = cells.sort_values(["label", "frame"], kind="stable")
    steps = np.linalg.norm(np.diff(np.asarray(ordered[list(names)]), axis=0), axis=1)
    same = np.diff(ordered["label"].to_numpy()) == 0
    ids = ordered["label"].to_numpy()
    unique, place = np.unique(ids, return_inverse=True)  # ids may be far apart
    path = np.bincount(place[1:][same], steps[same], minlength=len(unique))
    groups = ordered.groupby("label")
    found = pd.DataFrame(
        {
            "first": groups["frame"].min(),
            "last": groups["frame"].max(),
            "frames": groups["frame"].count(),
            size: groups[size].mean(),
            "score": groups["score"].min(),
        }
    ).reset_index()
    found.insert(1, "parent", [parents.get(int(i), 0) for i in found["label"]])
    least = ordered.assign(score=ordered["score"].fillna(np.inf)).sort_values(
        ["label", "score"], kind="stable"
    )
    found.insert(6, "weakest", least.groupby("label")["frame"].first().to_numpy())
    found.insert(6, "path", path)
    return found, cells
