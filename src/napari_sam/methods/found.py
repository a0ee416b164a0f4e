"""What a search leaves behind: objects are chosen from it without the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from napari_sam.labels.merge import restrict
from napari_sam.pixel_size import PixelSize
from napari_sam.regions import extent
from napari_sam.segmentation import Segmentation, moved, with_units

if TYPE_CHECKING:
    import pandas as pd

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.integer[Any]]
_SMALL = 0.5  # share of the plane up to which a region is searched by itself


class Choice:
    """Objects chosen from what was found, measured only when their table is asked for.

    Parameters
    ----------
    labels : (H, W) integer array
        Ids 1..n.
    count : int
        How many objects there are.
    measure : callable
        Makes the table, see `napari_sam.segmentation.measure`; that takes longer than a slider
        may.
    """

    def __init__(self, labels: Labels, count: int, measure: Callable[[], pd.DataFrame]) -> None:
        self.labels = labels
        self.count = count
        self._measure = measure

    @classmethod
    def of(cls, found: Segmentation) -> Choice:
        """Take a segmentation, which is measured already."""
        return cls(found.labels, len(found), lambda: found.table)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row per object."""
        return self._measure()

    def __len__(self) -> int:
        return self.count

    def segmentation(self) -> Segmentation:
        """Return labels and table."""
        return Segmentation(self.labels, self.table)


Options = TypeVar("Options", contravariant=True)


class Found(Protocol[Options]):
    """What a search found, before anything was chosen from it."""

    @property
    def diameter(self) -> float | None:
        """Typical diameter in pixels, where it was measured."""

    def choose(self, options: Options) -> Choice:
        """Choose objects by the options, without the model."""


Wanted = TypeVar("Wanted")


@dataclass(frozen=True, eq=False)
class FoundPart(Generic[Wanted]):
    """What was found on a part of a large plane.

    Parameters
    ----------
    found : Found
        Of the part.
    part : (slice, slice)
        Rows and columns of the plane.
    box : (slice, slice)
        Those of the part that were asked for; the rest is there for the objects at its edges.
    shape : (H, W)
        Of the plane.
    pixel_size : PixelSize or None
    """

    found: Found[Wanted]
    part: tuple[slice, slice]
    box: tuple[slice, slice]
    shape: tuple[int, int]
    pixel_size: PixelSize | None

    @property
    def diameter(self) -> float | None:
        """Typical diameter in pixels, where it was measured."""
        return self.found.diameter

    def choose(self, options: Wanted) -> Choice:
        """Choose objects of the part; labels and places are those of the whole plane."""
        chosen = self.found.choose(options)
        labels = np.zeros(self.shape, chosen.labels.dtype)
        labels[self.part] = chosen.labels

        def measure() -> pd.DataFrame:
            rows, columns = self.part
            return with_units(moved(chosen.table, rows.start, columns.start), self.pixel_size)

        return Choice(labels, chosen.count, measure)

    def covers(self, region: Mask | None) -> bool:
        """Whether all of a region was searched; None is the whole plane."""
        if region is None:
            return False
        return int(np.count_nonzero(region[self.box])) == int(np.count_nonzero(region))


def small_box(region: Mask | None) -> tuple[slice, slice] | None:
    """Return the bounding box of a region if it is worth searching by itself.

    Parameters
    ----------
    region : (H, W) bool, optional
        The whole plane by default.

    Returns
    -------
    (slice, slice) or None
        Rows and columns.

    Examples
    --------
    >>> region = np.zeros((10, 20), bool)
    >>> region[2:5, 4:9] = True
    >>> small_box(region)
    (slice(2, 5, None), slice(4, 9, None))
    >>> small_box(np.ones((10, 20), bool)) is None
    True
    """
    if region is None:
        return None
    box = extent(region)
    return box if region[box].size <= _SMALL * region.size else None


def within(chosen: Choice, region: Mask | None) -> Choice:
    """Keep the objects that lie mostly in a region, numbered anew; None keeps all."""
    if region is None:
        return chosen
    lookup = restrict(chosen.labels, region)

    def measure() -> pd.DataFrame:
        measured = chosen.table
        kept = measured[lookup[measured["label"]] > 0].copy()
        kept["label"] = lookup[kept["label"]]
        return kept.reset_index(drop=True)

    labels = lookup[chosen.labels].astype(chosen.labels.dtype)
    return Choice(labels, int(np.count_nonzero(lookup)), measure)
