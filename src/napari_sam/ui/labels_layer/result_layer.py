"""The labels that hold the last result: they follow the sliders until somebody else edits them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sam.counts import counted
from napari_sam.engine.view import View
from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels import table as object_table
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.gather import placed
from napari_sam.labels.merge import Merged, Rule, merge
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.runs import Runs
from napari_sam.methods.found import Choice
from napari_sam.segmentation import check_id, with_units
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.layers.label_grid import check_fit, new_labels
from napari_sam.ui.layers.ours import OurLayers

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Image, Labels

Mask = npt.NDArray[np.bool_]
Measure = Callable[[], "pd.DataFrame"]


class FoundIn(NamedTuple):
    """What was searched: an image layer, the view of it, and the model's name."""

    image: Image
    view: View
    model: str


class ResultLayer(ABC):
    """One plane of one Labels layer, written again and again while it is ours alone.

    Pixels are written at once. The table, which takes longer to measure and for napari to take
    in, follows: between the two the objects have no rows, rather than rows of others.
    """

    def __init__(self, document: LayerDocument, plane: Plane, noun: str) -> None:
        labels = document.layer
        self.labels, self.plane, self._noun = labels, plane, noun
        self._document = document
        self._data = labels.data
        self._last = plane.take(self._pixels).copy()
        self._writing = False
        self._edited = False
        #: How the objects were found that are written next.
        self.origin = Origin(plane)
        #: Objects that were added to others.
        self.added: tuple[int, ...] = ()
        self._table = labels.features.copy()
        labels.events.paint.connect(self._heard)

    @property
    def _pixels(self) -> Any:
        return self._document.sheet.pixels

    def _heard(self, event: Any) -> None:
        if not self._writing:
            self._edited = True

    def release(self) -> None:
        """Stop listening to the layer."""
        self.labels.events.paint.disconnect(self._heard)

    def untouched(self) -> bool:
        """Whether the layer is as it was written last; wherever it was edited."""
        return (
            not self._edited
            and self.labels.data is self._data
            and np.array_equal(self.plane.take(self._pixels), self._last)
            and self._table_untouched()
        )

    def _table_untouched(self) -> bool:
        """Whether the table holds nothing new; that all is open to review says nothing yet."""
        table = self.labels.features
        if table.equals(self._table):
            return True
        if (
            object_table.REVIEWED in table
            and (table[object_table.REVIEWED] == object_table.OPEN).all()
        ):
            table = table.drop(columns=object_table.REVIEWED)
        return bool(table.equals(self._table))

    def update(self, chosen: Choice, rule: Rule, region: Mask | None) -> str:
        """Write the pixels of a result in place of the last one, and tell what was done.

        Raises
        ------
        LabelsError
        """
        assert self.untouched()
        self._writing = True
        try:
            return self._write(chosen, rule, region)
        finally:
            self._writing = False
            self._last = self.plane.take(self._pixels).copy()
            self._table = self.labels.features.copy()

    def describe(self, table: pd.DataFrame) -> None:
        """Give the objects that were written last their rows, as `measuring` measured them."""
        self._describe(table)
        self._table = self.labels.features.copy()

    @abstractmethod
    def measuring(self, chosen: Choice) -> Measure | None:
        """Return what measures the objects that were written last, for a worker; None if done."""

    @abstractmethod
    def _write(self, chosen: Choice, rule: Rule, region: Mask | None) -> str: ...

    @abstractmethod
    def _describe(self, table: pd.DataFrame) -> None: ...


class NewResult(ResultLayer):
    """A layer of its own, which holds nothing but the result."""

    def __init__(self, documents: Documents, ours: OurLayers, found_in: FoundIn, noun: str) -> None:
        image = found_in.image
        labels = new_labels(image, f"{image.name} {noun}s found")
        super().__init__(documents.of(labels, empty=True), found_in.view.plane, noun)
        self._ours = ours

    def _write(self, chosen: Choice, rule: Rule, region: Mask | None) -> str:
        labels = self.labels
        self._document.fill(self.plane, chosen.labels, self.origin)
        if self._ours.there(labels):
            if len(labels.features):
                labels.features = object_table.nothing()
            labels.refresh(extent=False)
            return f"{counted(chosen.count, self._noun)} in {labels.name!r}."
        # A layer comes with its table: whoever hears of it may read it.
        labels.features = table_for(chosen.table)
        self._ours.add_beneath(labels)
        found = f"Found {counted(chosen.count, self._noun)}, now in the new layer {labels.name!r}."
        return f"{found} Review shows the least certain first." if chosen.count else found

    def measuring(self, chosen: Choice) -> Measure | None:
        if len(self.labels.features) == chosen.count:
            return None
        return lambda: table_for(chosen.table)

    def _describe(self, table: pd.DataFrame) -> None:
        if self._table_untouched():
            self.labels.features = table


class MergedResult(ResultLayer):
    """A layer of the person's: one step of its document holds the whole interaction.

    Parameters
    ----------
    documents : Documents
    labels : Labels layer
    found_in : FoundIn
    noun : str
    """

    def __init__(self, documents: Documents, labels: Labels, found_in: FoundIn, noun: str) -> None:
        check_fit(found_in.image, labels)
        plane = found_in.view.plane
        super().__init__(documents.of(labels), plane, noun)
        self._view = found_in.view
        self._document.sync()
        self._first = self._document.free_id(plane)
        self._step: Change | None = None
        self._rows_of: tuple[int, ...] = ()
        self._numbers: npt.NDArray[np.int64] = np.zeros(1, np.int64)

    def _write(self, chosen: Choice, rule: Rule, region: Mask | None) -> str:
        labels, plane, name = self.labels, self.plane, self.labels.name
        if labels.preserve_labels and rule == "replace":
            raise LabelsError(
                f"{name!r} preserves its labels: switch off 'preserve labels' of the layer to "
                "replace what is there."
            )
        former, self._step = self._step, None
        if former is not None:  # nothing was edited since
            self._document.retract(former)
        merged = merge(chosen.labels, plane.take(self._pixels), rule, self._first, region)
        if not merged.ids:
            return (
                f"Found {counted(chosen.count, self._noun)}, but all of them are labelled in "
                f"{name!r} already. Nothing was changed."
                if chosen.count
                else f"No {self._noun} found. Nothing was changed in {name!r}."
            )
        left = f"; {merged.left_out} left out, for labels are there" if merged.left_out else ""
        new = counted(len(merged.ids), self._noun)
        told = f"Added {new} to {name!r}{left}."
        if merged.removed:
            told = f"Replaced {merged.removed} labels in {name!r} by {new}. Undo brings them back."
        try:
            self._put(merged, told)
        except LabelsError:
            if former is not None:
                self._document.apply(former)
                self._step = former
            raise
        return told

    def _put(self, merged: Merged, told: str) -> None:
        document, plane, data = self._document, self.plane, self._pixels
        check_id(merged.ids[-1], data.dtype)
        before = plane.take(data)
        rows, columns = np.nonzero(before != merged.labels)
        runs = Runs.at(
            data.shape,
            plane.locate(rows, columns),
            before[rows, columns],
            merged.labels[rows, columns],
        )
        replaced = set(runs.ids) - set(merged.ids)
        gone = replaced - document.elsewhere(replaced, plane)
        self._rows_of, self.added = (*gone, *merged.ids), merged.ids
        self._numbers = merged.numbers
        change = replace_rows(document.table, self._rows_of, object_table.nothing())
        step = Change(told, runs, change, "search", self.origin)
        document.apply(step)
        self._step = step

    def measuring(self, chosen: Choice) -> Measure | None:
        if self._step is None:
            return None
        view, plane, ids, numbers = self._view, self.plane, self.added, self._numbers
        written = self._last  # as it was written, whatever is painted meanwhile

        def measure() -> pd.DataFrame:
            pixels = view.read()
            rows = object_table.describe(written, ids, plane, pixels)
            known = chosen.table
            known = known.assign(**{object_table.INDEX: numbers[known["label"]]})
            rows = object_table.remeasured(known, with_units(rows, view.pixel_size))
            return rows.assign(label=rows[object_table.INDEX])

        return measure

    def _describe(self, table: pd.DataFrame) -> None:
        if self._step is not None:
            self._document.complete(self._step, table, self._rows_of)


def rows_found(table: pd.DataFrame, plane: Plane, first: int) -> pd.DataFrame:
    """Make rows of labels of a table of objects of a plane, whose ids go on behind ``first``."""
    rows = placed(table, plane)
    return object_table.adopt(table_for(rows.assign(label=rows["label"] + first)))


def table_for(table: pd.DataFrame) -> pd.DataFrame:
    """Make a table the features of a Labels layer, whose rows napari matches by ``index``."""
    table = table.copy()
    table.insert(0, "index", table["label"])
    return table
