"""What the Review page shows: one evented object, written by `Review` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from psygnal import SignalGroupDescriptor

from napari_sam.labels import table as object_table
from napari_sam.labels.inside import Inside
from napari_sam.ui.canvas.gestures import ReviewAction

if TYPE_CHECKING:
    from napari.layers import Labels

Limits = tuple[float, float]
Pending = Literal["", "join", "swap", "mother", "split"]


@dataclass(frozen=True, eq=False)
class ReviewedObjects:
    """The objects of the displayed plane.

    Parameters
    ----------
    table : pandas.DataFrame
        Their rows, in the order of their ids.
    """

    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({object_table.INDEX: []}))

    def __len__(self) -> int:
        return len(self.table)

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.table[object_table.INDEX], dtype=np.int64)

    def values(self, column: str) -> npt.NDArray[np.float64]:
        """Numbers of a column, NaN where there are none."""
        if column not in self.table:
            return np.full(len(self), np.nan)
        numbers = pd.to_numeric(self.table[column], errors="coerce")
        return np.asarray(numbers, dtype=np.float64)

    @property
    def still_open(self) -> list[int]:
        """The objects that nobody has decided about."""
        if object_table.REVIEWED not in self.table:
            return [int(i) for i in self.ids]
        return [int(i) for i in self.ids[self.table[object_table.REVIEWED] == object_table.OPEN]]

    def row(self, object_id: int | None) -> dict[str, Any]:
        """What is known of one object."""
        found = self.table[self.table[object_table.INDEX] == object_id]
        return dict(found.iloc[0]) if len(found) else {}

    def outside(self, limits: dict[str, Limits]) -> npt.NDArray[np.bool_]:
        """Tell which objects lie outside some limits; what has no value never does."""
        out = np.zeros(len(self), dtype=bool)
        for column, (low, high) in limits.items():
            values = self.values(column)
            out |= (values < low) | (values > high)
        return out


@dataclass(eq=False)
class ReviewState:
    """Everything the Review page shows.

    Attributes
    ----------
    labels : Labels layer or None
        What is reviewed.
    action : {"select", "delete", "merge", "split", "add"}
        What a click does.
    objects : ReviewedObjects
        Of the displayed plane.
    word : str
        What that is called: a slice, or a frame.
    selected : int or None
        The object in hand.
    correcting : int or None
        The object whose outline the next accepted answer replaces.
    reviewed, total : int
        Objects accepted or rejected, and all, over all slices.
    hidden : int
        How many objects the sliders hide.
    coloured : bool
        Whether colours show the certainty.
    classes : tuple of str
        Names of the classes, in the order of their keys.
    class_colours : mapping of str to str
        Colours of classes that the person chose.
    class_coloured : bool
        Whether colours show the class.
    can_undo, can_redo : bool
    pending : {"", "join", "swap", "mother", "split"}
        The correction through slices that waits for another click.
    held : int
        The object that it is about.
    inside : Inside or None
        What the region of the slice holds; None where there is no region.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor(
        equality_operators=dict.fromkeys(("labels", "objects"), lambda a, b: a is b)
    )

    labels: Labels | None = None
    action: ReviewAction = "select"
    objects: ReviewedObjects = field(default_factory=ReviewedObjects)
    word: str = "slice"
    selected: int | None = None
    correcting: int | None = None
    reviewed: int = 0
    total: int = 0
    hidden: int = 0
    coloured: bool = False
    classes: tuple[str, ...] = ()
    class_colours: Mapping[str, str] = field(default_factory=dict)
    class_coloured: bool = False
    can_undo: bool = False
    can_redo: bool = False
    pending: Pending = ""
    held: int = 0
    inside: Inside | None = None
