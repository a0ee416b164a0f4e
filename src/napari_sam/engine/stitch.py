"""Objects of tiles put together on one plane: each is written once, by the tile that it belongs to.

Neighbouring tiles see the same objects at their seams. Each belongs to the tile in whose core its
middle lies; where two tiles see a middle a little differently, the one that came first has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_sam.engine.tiles import TilePart
from napari_sam.images import Plane
from napari_sam.regions import Region
from napari_sam.segmentation import Segmentation, check_id, measure, moved

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Canvas", "PlaneOf", "Written", "write_part"]

_COVERED = 0.5  # share of an object that others have, from which it is one of theirs
#: Columns that are measured anew on the plane at full resolution.
_PLACES = ("area", "centroid_row", "centroid_col", "r0", "c0", "r1", "c1")
_Labels = npt.NDArray[np.integer[Any]]


class Canvas(Protocol):
    """Labels of a plane that are written part by part."""

    def read(self, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Read a rectangle, (h, w)."""

    def write(self, rows: slice, columns: slice, labels: npt.NDArray[Any]) -> None:
        """Write a rectangle."""


@dataclass(frozen=True, eq=False)
class PlaneOf:
    """A plane of an array of labels: NumPy, zarr or alike.

    Parameters
    ----------
    pixels : integer array
    plane : Plane
    """

    pixels: Any
    plane: Plane

    def read(self, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Read a rectangle, (h, w)."""
        return self.plane.part(self.pixels, rows, columns)

    def write(self, rows: slice, columns: slice, labels: npt.NDArray[Any]) -> None:
        """Write a rectangle; raise `LabelsError` when the array cannot hold its ids."""
        check_id(int(labels.max(initial=0)), self.pixels.dtype)
        key: list[Any] = list(self.plane.index)
        key[self.plane.axes[0]], key[self.plane.axes[1]] = rows, columns
        self.pixels[tuple(key)] = labels.T if self.plane.transposed else labels


@dataclass(frozen=True, eq=False)
class Written:
    """What a tile added to a plane.

    Parameters
    ----------
    part : TilePart
    table : pandas.DataFrame
        A row per object, in pixels of the plane at full resolution; ids follow those before.
    """

    part: TilePart
    table: pd.DataFrame


def write_part(canvas: Canvas, part: TilePart, found: Segmentation, used: int) -> Written:
    """Write the objects of a tile that are its own, and that nobody has written before.

    Parameters
    ----------
    canvas : Canvas
        Of the plane at full resolution.
    part : TilePart
    found : Segmentation
        On the pixels of the tile, ids 1..n.
    used : int
        The highest id so far.

    Returns
    -------
    Written
    """
    window = _window(part)
    table = found.table
    middles = table[["centroid_row", "centroid_col"]].to_numpy(np.float64)
    own = part.owns(part.tile.to_plane(middles)) if len(table) else np.zeros(0, bool)
    seen = _at_full_size(part, found.labels, table["label"].to_numpy()[own])
    there = canvas.read(*window)
    rest = there > used  # what a run that was killed was about to write
    there = np.where(rest, 0, there)
    mine = np.zeros(there.shape, np.int32)
    ids: dict[int, int] = {}
    for number, region in seen.items():
        rows, columns = _within(region, window)
        free = region.mask & (there[rows, columns] == 0) & (mine[rows, columns] == 0)
        if np.count_nonzero(free) <= (1 - _COVERED) * region.area:
            continue
        ids[number] = used + len(ids) + 1
        mine[rows, columns][free] = ids[number]
    if ids or rest.any():
        canvas.write(*window, np.where(mine > 0, mine, there))
    return Written(part, _table(mine, table, ids, window))


def _window(part: TilePart) -> tuple[slice, slice]:
    """Pixels of the plane that a tile covers."""
    r0, c0, r1, c1 = part.tile.edges
    height, width = part.tile.block.plane.shape
    return (
        slice(max(int(np.floor(r0 + 0.5)), 0), min(int(np.ceil(r1 + 0.5)), height)),
        slice(max(int(np.floor(c0 + 0.5)), 0), min(int(np.ceil(c1 + 0.5)), width)),
    )


def _at_full_size(
    part: TilePart, labels: _Labels, numbers: npt.NDArray[np.int64]
) -> dict[int, Region]:
    """Cut out objects of a tile, on the pixels of the plane."""
    from scipy import ndimage as ndi

    boxes = ndi.find_objects(labels)
    found = {}
    for number in map(int, numbers):
        rows, columns = boxes[number - 1]
        mask = labels[rows, columns] == number
        found[number] = part.tile.region(mask, rows.start, columns.start)
    return found


def _within(region: Region, window: tuple[slice, slice]) -> tuple[slice, slice]:
    r0, c0, r1, c1 = region.box
    top, left = window[0].start, window[1].start
    return slice(r0 - top, r1 - top), slice(c0 - left, c1 - left)


def _table(
    mine: _Labels, table: pd.DataFrame, ids: dict[int, int], window: tuple[slice, slice]
) -> pd.DataFrame:
    """Measure what was written, and join what is known of it."""
    if not ids:
        return table.iloc[:0]
    known = table[table["label"].isin(list(ids))].copy()
    known["label"] = known["label"].map(ids)
    first = min(ids.values()) - 1
    # Small numbers are measured fast; they are the same again, less by what was used before.
    measured = measure(np.where(mine > 0, mine - first, 0))
    measured["label"] += first
    measured = moved(measured, window[0].start, window[1].start)
    joined = known.drop(columns=[c for c in _PLACES if c in known]).merge(
        measured[["label", *_PLACES]], on="label"
    )
    return joined[list(table.columns)].sort_values("label").reset_index(drop=True)
