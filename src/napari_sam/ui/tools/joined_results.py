"""What was found on all slices, joined to objects in space or to tracks: one step of undo."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_sam.counts import counted
from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.images import Image as Pixels
from napari_sam.images import Plane
from napari_sam.labels import table as object_table
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.merge import Rule
from napari_sam.labels.merge_stack import MergedStack, merge_stack
from napari_sam.labels.rows import replace_rows
from napari_sam.methods.found import Choice
from napari_sam.methods.method import Method
from napari_sam.progress import Progress, part
from napari_sam.segmentation import Segmentation, check_id, with_units
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.labels_layer.moment import Moment
from napari_sam.ui.labels_layer.result_layer import table_for
from napari_sam.ui.layers.label_grid import check_fit, labels_layer, transform_of
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.tools.joining import weakest, with_spacing
from napari_sam.ui.tools.piecewise import WAIT
from napari_sam.ui.tools.stack_search import Ended
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    import pandas as pd
    from napari.layers import Labels


@dataclass(frozen=True, eq=False)
class _Joined:
    """What comes of joining: the labels, what changes, and the rows of the objects.

    ``among`` is what was labelled when that was worked out, None for a new layer.
    """

    whole: Segmentation
    merged: MergedStack
    rows: pd.DataFrame
    among: Moment | None


class _Ending(NamedTuple):
    """How a search comes to its end, and what says why nothing can be written any more."""

    end: Ended
    lost: Callable[[], str]


class JoinedResults:
    """Keeps what is found, joins it when all of it is there, and writes it in one step.

    Parameters
    ----------
    parts : Parts
    shown : Shown
        What is searched.
    method : Method
        Which joins.
    options : dataclass
        Of it.
    into : Labels layer or None
        Where the objects go; a new layer when it is None.
    rule : {"empty", "whole", "replace"}
        What happens at labels that are there.

    Raises
    ------
    LabelsError, ImageError
        When the labels do not fit the image, or it has nothing to be joined.
    """

    def __init__(
        self,
        parts: Parts,
        shown: Shown,
        method: Method[Any],
        options: Any,
        into: Labels | None,
        rule: Rule,
    ) -> None:
        self._parts, self._shown, self._method = parts, shown, method
        self._pixels: Pixels = shown.view.image
        self._options = with_spacing(options, shown.image, shown.plane, self._pixels)
        self._into, self._rule = into, rule
        self._model, self._page = parts.bench.state.model, parts.bench.state.tool
        self._kept: deque[tuple[Plane, Choice]] = deque()
        self.count, self._stopped = 0, False
        method.scope(self._pixels)
        self._check()
        if into is not None:
            parts.documents.of(into).claim()

    @property
    def busy(self) -> bool:
        """Whether a person's edit is being written just now."""
        return self._parts.documents.busy(self._into)

    def lost(self) -> str:
        """Say so when the layer was removed."""
        if self._into is not None and self._into not in self._parts.bench.viewer.layers:
            return "The layer was removed."
        return ""

    def arrived(self, plane: Plane, found: Segmentation) -> None:
        """Keep what was found on a slice, in as few bytes as it takes."""
        narrow = np.uint16 if len(found) <= np.iinfo(np.uint16).max else np.int32
        slim = Segmentation(found.labels.astype(narrow), found.table[["label", "score"]])
        self._kept.append((plane, Choice.of(slim)))
        self.count += len(found)

    def stop(self) -> str:
        """Forget what was found."""
        self._stopped = True
        self._kept.clear()
        self.count = 0
        return "Nothing was changed."

    # -- joining ----------------------------------------------------------------------------------

    def complete(self, told: str, end: Ended, lost: Callable[[], str]) -> None:
        """Join in the worker, and write what comes of it."""
        joining = f"{told} Joining {self.count} {self._method.words.noun} outlines."
        self._parts.bench.say_on(self._page, joining)
        self._work(_Ending(end, lost))

    def _work(self, ending: _Ending, whole: Segmentation | None = None) -> None:
        """Join unless that is done, and work out what changes in labels as they are now."""
        bench, lost = self._parts.bench, ending.lost()
        if lost:
            ending.end(f"{lost} {self.stop()}", problem=True)
            return
        among = None if self._into is None else Moment.now(self._parts.documents.of(self._into))
        bench.progress(0.0)
        done, failed = partial(self._land, ending), partial(self._fail, ending.end)
        work = partial(self._join, whole, among)
        bench.jobs.submit("find", work, done, failed, bench.progress)

    def _check(self) -> None:
        """Raise `LabelsError` when labels of the person's no longer lie on the image."""
        if self._into is not None:
            check_fit(self._shown.image, self._into)

    def _drained(self) -> Iterator[tuple[Plane, Choice]]:
        while self._kept:
            yield self._kept.popleft()

    def _join(
        self, whole: Segmentation | None, among: Moment | None, progress: Progress
    ) -> _Joined:
        """Join, and work out what changes; runs in the worker."""
        if whole is None:
            whole = self._method.join(
                self._drained(),
                self._pixels,
                self._options,
                source=self._model,
                progress=part(progress, 0.0, 0.6),
            )
        table = with_units(whole.table, self._pixels.pixel_size)
        before, first = None, 1
        if among is not None:
            before, first = among.document.sheet.pixels, among.document.free_id()
        merged = merge_stack(whole.labels, before, self._rule, first, part(progress, 0.6, 1.0))
        return _Joined(whole, merged, _rows(table, merged, weakest(whole, self._pixels)), among)

    def _land(self, ending: _Ending, joined: _Joined) -> None:
        if self._stopped:
            return
        if self.busy:  # what comes of the edit counts
            self._parts.bench.loop.later("joined", WAIT, partial(self._land, ending, joined))
            return
        end, among = ending.end, joined.among
        if ending.lost() or (among is not None and not among.stands):
            # Somebody painted meanwhile: what is there now counts, and which numbers are free.
            self._work(ending, joined.whole)
            return
        self.count = len(joined.merged.ids)
        if not joined.merged.ids:
            end(self._method.words.nothing if not len(joined.whole) else self._all_there(joined))
            return
        try:
            self._check()
            layer = self._new(joined) if among is None else self._merged(joined, among.document)
        except NapariSamError as error:
            self._fail(end, error)
            return
        if self._method.along == "T":
            with suppress(LabelsError):  # of axes in an order that cannot be drawn: they are there
                self._parts.lines.show(layer)
        end(self._told(joined, layer))

    def _fail(self, end: Ended, error: Exception) -> None:
        try:
            self._check()
        except LabelsError as why:  # rather than what came of it in the worker
            error = why
        self._parts.bench.fail(error)
        end(self._parts.bench.state.status, problem=True)

    def _new(self, joined: _Joined) -> Labels:
        """Make a layer that holds nothing else; undo empties it."""
        bench, documents = self._parts.bench, self._parts.documents
        image = self._shown.image
        name = f"{image.name} {self._method.words.noun}s found"
        layer = labels_layer(joined.whole.labels, name, **transform_of(image))
        change = self._change(joined, object_table.adopt(object_table.nothing()), layer.name)
        assert change.rows is not None
        layer.features = change.rows.apply(object_table.adopt(object_table.nothing()))
        document = documents.of(layer, empty=True)
        with document.presence.writing(change.pixels):
            pass  # the worker has
        document.record(change)
        bench.ours.add_beneath(layer)
        return layer

    def _merged(self, joined: _Joined, document: LayerDocument) -> Labels:
        """Write into labels of the person's."""
        check_id(joined.merged.ids[-1], document.sheet.pixels.dtype)
        document.apply(self._change(joined, document.table, document.layer.name))
        return document.layer

    def _change(self, joined: _Joined, table: pd.DataFrame, name: str) -> Change:
        merged = joined.merged
        ids = (*merged.removed, *merged.ids)
        rows = replace_rows(table, ids, joined.rows)
        told = f"Found {self._counted(len(merged.ids))} in {name!r}."
        kind = "track" if self._method.along == "T" else "search"
        origin = Origin(self._shown.plane, (), self._model)
        return Change(told, merged.runs, rows, kind, origin)

    # -- telling ----------------------------------------------------------------------------------

    def _counted(self, count: int) -> str:
        noun = "track" if self._method.along == "T" else "3-D object"
        return counted(count, noun)

    def _all_there(self, joined: _Joined) -> str:
        count = self._counted(len(joined.whole))
        return f"Found {count}, but all of them are labelled already. Nothing was changed."

    def _told(self, joined: _Joined, layer: Labels) -> str:
        where = "the new layer " if self._into is None else ""
        told = f"Found {self._counted(len(joined.merged.ids))}, now in {where}{layer.name!r}"
        if joined.merged.left_out:
            told += f"; {joined.merged.left_out} left out, for labels are there"
        if joined.merged.removed:
            told += f"; {counted(len(joined.merged.removed), 'label')} replaced"
        return f"{told}. Undo takes all of it back."


def _rows(table: pd.DataFrame, merged: MergedStack, at: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of the objects that are added their numbers in the labels."""
    numbers = merged.numbers
    table = table.join(at.set_index("label"), on="label")
    for column in {"label", "parent"} & set(table):
        table[column] = numbers[table[column].to_numpy(np.int64)]
    return object_table.adopt(table_for(table[table["label"] > 0]))
