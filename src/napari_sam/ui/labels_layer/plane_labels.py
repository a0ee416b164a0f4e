"""The labels of the displayed plane: all of them, or of a large one what is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.errors import LabelsError
from napari_sam.images import Plane, too_large
from napari_sam.labels import placed
from napari_sam.labels import table as object_table
from napari_sam.labels.change import Change
from napari_sam.labels.held import Box, part_with
from napari_sam.labels.ids import count_ids
from napari_sam.labels.placed import Part
from napari_sam.labels.whole import kind_of, measure_whole, unmeasured, whole_rows
from napari_sam.regions import NOTHING, Region, box_around
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Labels

Ids = npt.NDArray[np.int64]


class PlaneLabels:
    """The labels of the displayed plane, and the rows of its objects, at one event.

    Of a plane that is too large to be read as a whole no more is read than the objects that it is
    about, which lie where their rows say.

    Parameters
    ----------
    bench : Workbench
    document : LayerDocument
        Of the layer.
    """

    def __init__(self, bench: Workbench, document: LayerDocument) -> None:
        self._bench = bench
        self.document = document
        self._measured_after: Change | None = None
        self._asked: list[int] = []

    @property
    def layer(self) -> Labels:
        return self.document.layer

    @cached_property
    def plane(self) -> Plane:
        """The plane of the labels that was displayed when it was first asked for.

        Raises
        ------
        ViewError, LabelsError
        """
        image = self._bench.state.image
        plane = self._bench.plane()
        assert image is not None
        check_fit(image, self.layer)
        if too_large(plane.shape) and kind_of(self.document.table):
            raise LabelsError(
                f"{self.layer.name!r} holds objects on several slices, each too large to be read "
                "as a whole. Review labels of a coarser level of the image, or of a part of it."
            )
        return plane

    @cached_property
    def large(self) -> bool:
        """Whether the plane is too large to be read as a whole."""
        return too_large(self.plane.shape)

    def pixels(self) -> npt.NDArray[np.integer[Any]]:
        """Labels of the plane as they are now, (H, W).

        Raises
        ------
        LabelsError
            When it is too large.
        """
        self.check_whole()
        return self.plane.take(self.document.sheet.pixels)

    def check_whole(self) -> None:
        """Refuse what needs all of a plane, where it is too large for that.

        Raises
        ------
        LabelsError
        """
        if self.large:
            raise LabelsError(
                f"A slice of {self.layer.name!r} is too large to be read as a whole, as it has to "
                "be for this. Cells can be looked at, accepted, corrected and classified one by "
                "one, and those of a region together; for the rest, cut a part out of image and "
                "labels."
            )

    def part(self, ids: Iterable[int], region: Region = NOTHING) -> Part:
        """Read a part of the plane that holds some objects, and those under a region, wholly.

        Of a plane that can be read as a whole it is all of it.

        Raises
        ------
        LabelsError
            When they lie too far apart.
        """
        pixels, wanted = self.document.sheet.pixels, list(ids)
        if not self.large:
            return Part(self.pixels())
        self.document.sync()  # what was made last has its rows
        rows = placed.rows_on(object_table.rows(self.document.table, wanted), self.plane)
        boxes = [placed.box_of(rows), region.box if region.area else None]
        box = box_around(one for one in boxes if one is not None)
        if box is None:
            return Part(np.zeros((0, 0), pixels.dtype))
        return self.part_around(box, wanted, region)

    def part_around(self, box: Box, wanted: list[int], region: Region = NOTHING) -> Part:
        """Read a part of a large plane around a box that holds some objects, see `part`.

        Raises
        ------
        LabelsError
            When it is too large.
        """
        pixels = self.document.sheet.pixels
        self.check_size(*box)
        # With the pixels just outside, it is seen at once that no object is cut.
        box = (box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1)

        def met(labels: npt.NDArray[Any], row: int, column: int) -> list[int]:
            under = count_ids(labels[region.on(labels.shape, row, column)])[0]
            return [*wanted, *under.tolist()]

        return Part(*part_with(pixels, self.plane, box, met))

    def region_of(self, object_id: int) -> Region:
        """Return the pixels of an object; an empty region when it is not on the plane."""
        labels, corner = self.part([object_id])
        return Region.of(labels == object_id, *corner)

    def at(self, place: tuple[float, float]) -> int:
        """Return the id at a place (row, column) of the plane, 0 where there is no object."""
        at = np.rint([place]).astype(np.intp)
        inside = bool(((at >= 0) & (at < self.plane.shape)).all())
        return int(self.under(at[:, 0], at[:, 1])[0]) if inside else 0

    def under(self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> Ids:
        """Return the ids at some pixels of the plane, 0 where there is no object."""
        r0, c0 = int(rows.min()), int(columns.min())
        box = (r0, c0, int(rows.max()) + 1, int(columns.max()) + 1)
        self.check_size(*box)
        pixels = self.document.sheet.pixels
        labels = self.plane.part(pixels, slice(r0, box[2]), slice(c0, box[3]))
        return np.asarray(labels[rows - r0, columns - c0].astype(np.int64))

    @staticmethod
    def check_size(r0: float, c0: float, r1: float, c1: float) -> None:
        """Refuse to read a rectangle of the plane that is too large.

        Raises
        ------
        LabelsError
        """
        if too_large((int(r1 - r0), int(c1 - c0))):
            raise LabelsError(
                "That reaches over too large a part of the slice to be read at once. Work on a "
                "smaller one."
            )

    def rows_here(self) -> tuple[pd.DataFrame, Ids | None]:
        """Return the rows of the objects of the displayed plane, and the ids that have none.

        So have none those whose rows tell of a single plane, where others tell of all. Of a large
        plane they are known once it is counted: until then rows are taken for complete, and None
        tells that there never were any.
        """
        table = self.document.table
        if self.large:
            rows, counted = placed.rows_on(table, self.plane), self.document.presence.on(self.plane)
            if counted is None:
                known = len(placed.rows_on(table, self.plane, rejected=True))
                return rows, np.empty(0, np.int64) if known else None
            return rows, np.setdiff1d(counted, object_table.object_ids(rows))
        ids = object_table.ids_of(self.pixels())
        without = np.setdiff1d(ids, object_table.object_ids(table))
        single = np.array(unmeasured(table), np.int64)  # an empty list would be floats
        return object_table.rows(table, ids), np.union1d(without, single)

    def describing(self, missing: Ids | None) -> Callable[[], pd.DataFrame]:
        """Return what measures objects of the displayed plane as it is now, for a worker."""
        kind, table = kind_of(self.document.table), self.document.table
        self._measured_after = self.document.last
        if missing is None or self.large:
            pixels, plane = self.document.sheet.pixels, self.plane
            known = object_table.object_ids(placed.rows_on(table, plane)).tolist()
            return lambda: placed.describe_in_parts(pixels, plane, known)
        if kind:
            pixels, axis = self.document.sheet.pixels, self.document.sheet.axis(kind)
            asked = self._asked = missing.tolist()
            where = self.document.presence.along(axis, asked)
            return lambda: measure_whole(pixels, asked, kind, axis, where)
        plane = self.plane
        labels, image = self.pixels().copy(), self.document.intensities(plane)
        return lambda: object_table.describe(labels, missing, plane, image)

    def adopt(self, described: pd.DataFrame) -> bool:
        """Complete the layer's table by objects that are still there and still have no row.

        Returns
        -------
        bool
            False when it can no longer be told which are, and nothing was done.
        """
        missing, table = self.rows_here()[1], self.document.table
        whole = bool(kind_of(table))
        if (self.large or whole) and self.document.last is not self._measured_after:
            return False
        new = described if missing is None else object_table.rows(described, missing)
        if whole and missing is not None:
            new = whole_rows(table, new, np.intersect1d(missing, self._asked).tolist())
        else:
            new = object_table.remeasured(object_table.nothing(), new)
        if len(new):
            ids = new[object_table.INDEX]
            self.layer.features = object_table.put(table, ids, new)
        return True
