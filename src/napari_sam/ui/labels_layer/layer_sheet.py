"""A Labels layer as its document sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from napari_sam.labels.levels import LabelLevels
from napari_sam.labels.whole import Kind
from napari_sam.ui.layers.axes import axis_named
from napari_sam.ui.layers.label_grid import check_writable

if TYPE_CHECKING:
    from napari.layers import Labels, Layer


class LayerSheet:
    """A Labels layer as a document sees it.

    Parameters
    ----------
    layer : Labels layer
    naming : callable, optional
        Returns the layer whose axis labels tell what the axes are; by default this one does.
    """

    def __init__(self, layer: Labels, naming: Callable[[], Layer] | None = None) -> None:
        self._layer, self._naming = layer, naming or (lambda: layer)
        self.writes_table = False

    @property
    def name(self) -> str:
        return str(self._layer.name)

    @property
    def pixels(self) -> Any:
        data = self._layer.data
        return LabelLevels(data) if self._layer.multiscale else data

    @property
    def table(self) -> pd.DataFrame:
        features: pd.DataFrame = self._layer.features
        return features

    @table.setter
    def table(self, table: pd.DataFrame) -> None:
        self.writes_table = True
        try:
            self._layer.features = table
        finally:
            self.writes_table = False

    def axis(self, kind: Kind) -> int:
        return axis_named(self._naming(), "T" if kind == "track" else "Z")

    def check_writable(self) -> None:
        check_writable(self._layer)

    def show(self) -> None:
        self._layer.refresh(extent=False)
