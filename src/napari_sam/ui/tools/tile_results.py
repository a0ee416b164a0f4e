"""What is found in tiles, written into labels tile by tile: a step of their document each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.counts import counted
from napari_sam.engine.stitch import Written
from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.runs import Runs
from napari_sam.segmentation import check_id, with_units
from napari_sam.ui.labels_layer.layer_sheet import LayerSheet
from napari_sam.ui.labels_layer.result_layer import rows_found
from napari_sam.ui.layers.label_grid import check_fit, new_labels
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.tools.growing_labels import GrowingLabels
from napari_sam.ui.tools.tile_region import TileRegion
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Labels


@dataclass(frozen=True, eq=False)
class TileFound:
    """What a tile adds to the labels.

    Parameters
    ----------
    runs : Runs
        Of pixels that were free, to ids 1..n.
    table : pandas.DataFrame
        A row per object.
    """

    runs: Runs
    table: pd.DataFrame


class PendingLabels:
    """The labels of a plane as a worker sees them: it reads them, and writes aside.

    Parameters
    ----------
    pixels : array
        The labels, which only the window's thread writes.
    plane : Plane
    """

    def __init__(self, pixels: Any, plane: Plane) -> None:
        self._pixels, self._plane = pixels, plane
        self._last: tuple[int, int, npt.NDArray[np.integer[Any]]] | None = None

    def read(self, rows: slice, columns: slice) -> npt.NDArray[np.int32]:
        """Read a rectangle: what is labelled is somebody's, whatever its number."""
        self._last = None
        there = self._plane.part(self._pixels, rows, columns)
        return np.where(there != 0, np.int32(-1), np.int32(0))

    def write(self, rows: slice, columns: slice, labels: npt.NDArray[Any]) -> None:
        """Keep a rectangle."""
        self._last = rows.start, columns.start, labels

    def take(self, written: Written, used: int, region: TileRegion | None) -> TileFound:
        """Return what was written last, numbered from 1 on.

        Parameters
        ----------
        written : Written
        used : int
            The highest id before.
        region : TileRegion, optional
            Only objects whose middle lies in it.
        """
        table, shape = written.table, tuple(self._pixels.shape)
        if region is not None and len(table):
            middles = table[["centroid_row", "centroid_col"]].to_numpy(np.float64)
            table = table[region.holds(middles)].reset_index(drop=True)
        if self._last is None or not len(table):
            return TileFound(Runs.none(shape), table.iloc[:0])
        top, left, labels = self._last
        numbers = np.zeros(max(int(labels.max()) - used, 0) + 1, np.int64)
        numbers[table["label"].to_numpy() - used] = np.arange(1, len(table) + 1)
        rows, columns = np.nonzero(labels > used)
        after = numbers[labels[rows, columns] - used]
        runs = Runs.at(shape, self._plane.locate(rows + top, columns + left), 0, after)
        return TileFound(runs, table.assign(label=np.arange(1, len(table) + 1)))


class TileResults:
    """Writes what each tile adds; what is written stays when the rest is stopped.

    Parameters
    ----------
    parts : Parts
    shown : Shown
        What is searched.
    noun : str
        What an object is called.
    into : Labels layer or None
        Where the objects go; a new layer when it is None.

    Raises
    ------
    LabelsError
        When there is no memory for new labels, or those that are there do not fit the image.
    """

    def __init__(self, parts: Parts, shown: Shown, noun: str, into: Labels | None) -> None:
        self._shown, self._noun, self._model = shown, noun, parts.bench.state.model
        image = shown.image
        if into is not None:
            check_fit(image, into)
            parts.documents.of(into).claim()
        labels = new_labels(image, f"{image.name} {noun}s found") if into is None else into
        self._into = GrowingLabels(parts, labels, new=into is None)
        self.count = 0

    def pending(self) -> PendingLabels:
        """Return the labels for a worker."""
        return PendingLabels(LayerSheet(self.labels).pixels, self._shown.plane)

    @property
    def labels(self) -> Labels:
        """The layer that is written into."""
        return self._into.layer

    @property
    def busy(self) -> bool:
        """Whether a person's edit is being written just now."""
        return self._into.busy

    def lost(self) -> str:
        """Say why nothing can be written any more; empty while it can."""
        return self._into.lost()

    def arrived(self, found: TileFound) -> None:
        """Write what a tile adds where nobody has drawn meanwhile.

        Raises
        ------
        LabelsError
            When the labels cannot be written.
        """
        if not len(found.table):
            return
        shown, document = self._shown, self._into.document()
        runs = _on_free(document.sheet.pixels, found.runs)
        kept = np.unique(runs.after)
        if not len(kept):
            return
        first = document.free_id() - 1
        check_id(first + int(kept[-1]), document.sheet.pixels.dtype)
        runs = Runs(runs.shape, runs.start, runs.length, runs.before, runs.after + first)
        table = found.table[found.table["label"].isin(kept)]
        new = rows_found(with_units(table, shown.view.pixel_size), shown.plane, first)
        rows = replace_rows(document.table, tuple(map(int, kept + first)), new)
        told = f"Found {counted(len(kept), self._noun)} in a part of {self.labels.name!r}."
        origin = Origin(shown.plane, (), self._model)
        document.apply(Change(told, runs, rows, "search", origin))
        self.count += len(kept)
        self._into.show()

    def stop(self) -> str:
        """Say what there is."""
        if not self.count:
            return "Nothing was changed."
        return (
            f"{counted(self.count, self._noun)} in {self.labels.name!r}. Undo takes back a tile "
            "at a time."
        )


def _on_free(pixels: Any, runs: Runs) -> Runs:
    """Leave out pixels that somebody has labelled meanwhile."""
    if tuple(pixels.shape) != runs.shape:
        raise LabelsError(f"The labels have shape {tuple(pixels.shape)} now, not {runs.shape}.")
    there = [np.asarray(pixels[one.where])[one.rows, one.columns] for one in runs.blocks()]
    free = np.concatenate([*there, np.empty(0, np.int64)]) == 0
    if free.all():
        return runs
    return Runs.of_flat(runs.shape, runs.flat()[free], 0, runs.each(runs.after)[free])
