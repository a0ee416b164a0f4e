"""What holds labels and their table, as far as a document needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from napari_sam.labels.whole import Kind


class Sheet(Protocol):
    """What holds labels and their table, a layer for example."""

    @property
    def name(self) -> str:
        """What a person calls the labels."""

    @property
    def pixels(self) -> Any:
        """Integer array of at least two axes; NumPy, zarr or alike."""

    @property
    def table(self) -> pd.DataFrame:
        """The rows of the objects, see `napari_sam.labels.table`."""

    @table.setter
    def table(self, table: pd.DataFrame) -> None: ...

    def axis(self, kind: Kind) -> int:
        """Return the axis of the slices of objects in space, or of the frames of tracks."""

    def check_writable(self) -> None:
        """Raise a `LabelsError` when the pixels cannot be written."""

    def show(self) -> None:
        """Show the pixels as they are now."""


@dataclass(eq=False)
class PlainSheet:
    """Labels and a table in memory, for scripts and tests."""

    pixels: Any
    table: pd.DataFrame
    name: str = "labels"

    def axis(self, kind: Kind) -> int:
        """Tracks go along the first axis, slices lie along the one before rows and columns."""
        return 0 if kind == "track" else max(len(self.pixels.shape) - 3, 0)

    def check_writable(self) -> None:
        """Any array is tried."""

    def show(self) -> None:
        """Nobody looks."""
