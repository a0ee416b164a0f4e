"""Marks that were taken out of play: deleted from our own layers, remembered in the person's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_sam.images import Plane
from napari_sam.ui.layers.polarity import polarity


@dataclass(frozen=True, eq=False)
class Spent:
    """Marks of a plane that are out of play, so that they can come back.

    Parameters
    ----------
    plane : Plane
    points : tuple of (coordinates, label)
        Deleted from our own layer of points; in its data coordinates.
    shapes : tuple of (corners, kind, label)
        Deleted from our own layer of shapes.
    used : tuple of (layer, marks)
        Left where they are, in layers of the person's own, where they do not count.
    """

    plane: Plane
    points: tuple[tuple[Any, int], ...] = ()
    shapes: tuple[tuple[Any, str, int], ...] = ()
    used: tuple[tuple[Any, list[Any]], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there was nothing to take."""
        return not (self.points or self.shapes or self.used)

    @classmethod
    def together(cls, plane: Plane, parts: Iterable[Spent]) -> Spent:
        """Join what was taken from several layers."""
        found = list(parts)
        return cls(
            plane,
            tuple(mark for one in found for mark in one.points),
            tuple(mark for one in found for mark in one.shapes),
            tuple(mark for one in found for mark in one.used),
        )


def points_of(plane: Plane, layer: Any, rows: Sequence[int]) -> Spent:
    """Copy points of our own layer."""
    said = polarity(layer)
    return Spent(plane, points=tuple((np.array(layer.data[r]), int(said[r])) for r in rows))


def shapes_of(plane: Plane, layer: Any, rows: Sequence[int]) -> Spent:
    """Copy shapes of our own layer."""
    said, kinds = polarity(layer), layer.shape_type
    found = ((np.array(layer.data[r]), str(kinds[r]), int(said[r])) for r in rows)
    return Spent(plane, shapes=tuple(found))


def rows_like(layer: Any, marks: Iterable[Any]) -> list[int]:
    """Find marks in a layer by where they lie, the last added first; rows in ascending order.

    Marks that are there no more are left out.
    """
    left = list(range(len(layer.data)))[::-1]
    found = []
    for mark in marks:
        row = next((row for row in left if np.array_equal(layer.data[row], mark)), None)
        if row is not None:
            left.remove(row)
            found.append(row)
    return sorted(found)
