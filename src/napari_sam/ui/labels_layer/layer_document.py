"""The document of a Labels layer, which napari's own tools and keys share.

While it is open, ``layer.undo`` and ``layer.redo``, napari's keys among them, go through the log;
what a person paints becomes a step of it. Nothing depends on napari's own history, which keeps
a hundred steps and drops all of them when a layer is locked. When the document is closed, napari
gets a history that fits the pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.images import Plane
from napari_sam.labels.change import Change, MovedStep, Origin
from napari_sam.labels.document import Document
from napari_sam.labels.measured import Intensities, rows_of_written
from napari_sam.labels.presence import Presence
from napari_sam.labels.runs import Runs, stands
from napari_sam.labels.steps import Steps
from napari_sam.labels.table import INDEX, object_ids, put, rejected
from napari_sam.labels.witness import Way
from napari_sam.ui.labels_layer.claim import Claim
from napari_sam.ui.labels_layer.layer_sheet import LayerSheet
from napari_sam.ui.labels_layer.painting import as_napari_keeps_it, painted
from napari_sam.ui.layers.axes import naming
from napari_sam.ui.layers.planes import finest

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer


class _Unmeasured(NamedTuple):
    """A step whose rows are still to come.

    ``announced`` is set for a stroke that napari has announced and is about to write: what
    `Presence.begin` said.
    """

    change: Change
    by_hand: tuple[int, ...]
    announced: set[int] | None


class Watcher(NamedTuple):
    """What a panel does for a document.

    ``later(call)`` makes a call once what happens now is over, ``changed()`` hears of changes
    that it did not ask for, ``intensities(plane)`` reads the image on a plane of the labels,
    ``slowly(steps, told, done, wait)`` does what may take long while the window answers, or waits,
    ``image()`` is the one on which the labels lie, None where they lie on none.
    """

    later: Callable[[Callable[[], None]], None]
    changed: Callable[[], None]
    intensities: Intensities
    slowly: Callable[[Steps[Any], str, Callable[[Any], str | None], bool], None]
    image: Callable[[], Image | None]


def document_of(layer: Labels) -> LayerDocument | None:
    """Return the document of a layer if one is open, whoever opened it."""
    document = getattr(layer.undo, "__self__", None)
    return document if isinstance(document, LayerDocument) else None


class LayerDocument(Document):
    """One log for one layer, whoever writes into it.

    Parameters
    ----------
    layer : Labels layer
    empty : bool
        Whether the labels are known to hold no object.
    """

    def __init__(self, layer: Labels, empty: bool = False) -> None:
        super().__init__(LayerSheet(layer, lambda: self.naming), empty=empty)
        self.layer = layer
        #: Who writes down what happens, of all panels that have it open.
        self.recorder: object = None
        self._watchers: dict[Any, Watcher] = {}
        self._data = layer.data
        self._claim = Claim(self.sheet.pixels)
        self._unmeasured: list[_Unmeasured] = []
        self._adopt_napari_history()
        layer.events.paint.connect(self._painted)
        layer.events.set_data.connect(self._refreshed)
        layer.undo = self._napari_undo
        layer.redo = self._napari_redo

    @property
    def writes_table(self) -> bool:
        """Whether it is the document that sets the layer's table just now."""
        return isinstance(self.sheet, LayerSheet) and self.sheet.writes_table

    @property
    def fits(self) -> bool:
        """Whether the layer still holds the data that the log is about."""
        return self.layer.data is self._data

    @property
    def naming(self) -> Layer:
        """The layer whose axis labels tell what the axes are, see `naming`."""
        images = (watcher.image() for watcher in self._watchers.values())
        return naming(self.layer, next((image for image in images if image is not None), None))

    def watch(self, owner: Any, watcher: Watcher) -> None:
        """Keep the document open for a panel."""
        self._watchers[owner] = watcher

    def unwatch(self, owner: Any) -> None:
        """Close the document when no panel is left: napari gets a history that fits."""
        if owner not in self._watchers:
            return
        if len(self._watchers) == 1:
            self.sync()
        del self._watchers[owner]
        if not self._watchers:
            self.layer.events.paint.disconnect(self._painted)
            self.layer.events.set_data.disconnect(self._refreshed)
            del self.layer.undo, self.layer.redo
            self._claim.release()
            _give_history(self.layer, self._done, self._undone)

    def _changed(self) -> None:
        for watcher in list(self._watchers.values()):
            watcher.changed()

    def intensities(self, plane: Plane) -> npt.NDArray[Any] | None:
        """Pixels of the image on a plane of the labels, when they need no waiting."""
        found = (watcher.intensities(plane) for watcher in self._watchers.values())
        return next((pixels for pixels in found if pixels is not None), None)

    # -- who else may write ----------------------------------------------------------------------

    def claim(self) -> None:
        """See that nobody else writes where the pixels lie, until the layer is closed.

        Whatever writes does so; what takes long does at its beginning, so that it is not in vain.

        Raises
        ------
        LabelsError
            When another layer or another napari does already.
        """
        if self._claim.take(self.sheet.name):  # objects are there that were never counted
            self.presence = Presence(lambda: self.sheet.pixels)

    def free_id(
        self, plane: Plane | None = None, part: npt.NDArray[np.integer[Any]] | None = None
    ) -> int:
        self.claim()
        return super().free_id(plane, part)

    def fill(self, plane: Plane, labels: npt.NDArray[Any], origin: Origin | None = None) -> None:
        self.claim()
        super().fill(plane, labels, origin)

    def _making(self, way: Way, change: Change) -> Steps[int]:
        if len(change.pixels):
            self.claim()
        return (yield from super()._making(way, change))

    # -- what napari does ------------------------------------------------------------------------

    def _adopt_napari_history(self) -> None:
        """Take in what was painted before anybody looked: undo goes back over it."""
        shape = self.sheet.pixels.shape
        try:
            steps = [painted(shape, atoms) for atoms in getattr(self.layer, "_undo_history", ())]
        except ValueError:  # of data that the layer held before
            return
        if steps and stands(self.sheet.pixels, steps[-1]):
            self._done += [Change("Painted by hand.", runs, kind="paint") for runs in steps]

    def _painted(self, event: Any) -> None:
        """A stroke is announced; napari may write its last part only after this call."""
        self.sync()
        if not self.fits:
            return
        runs = painted(self.sheet.pixels.shape, event.value)
        if len(runs) == 0:
            return
        self._claim_painted()
        by_hand = hasattr(event.value[0], "slice_key")
        told = "Painted by hand." if by_hand else "Wrote labels."
        change = Change(told, runs, kind="paint" if by_hand else "write")
        hand = runs.ids if by_hand else ()
        self._unmeasured.append(_Unmeasured(change, hand, self.presence.begin(runs)))
        self.record(change)
        self._soon()

    def _claim_painted(self) -> None:
        """Warn of a stroke where another one writes: napari has made it, or is about to."""
        from napari.utils.notifications import show_warning

        try:
            self.claim()
        except LabelsError as error:
            show_warning(f"{error} What you painted is there all the same.")

    def measure_soon(self, change: Change) -> None:
        """Give the objects of a step that has just been applied their rows, before anybody asks.

        Those that it made or drew anew count as made by hand.
        """
        self._unmeasured.append(_Unmeasured(change, change.new_ids, None))
        self._soon()

    def _soon(self) -> None:
        for watcher in list(self._watchers.values())[-1:]:
            watcher.later(self._settled)

    def _refreshed(self, event: Any = None) -> None:
        if not (self._unmeasured and self.fits):
            self.sync()

    def _settled(self) -> None:
        if self._watchers and self.sync():
            self._changed()

    def sync(self) -> bool:
        """Take in what happened to the layer and its table; tell whether anything had."""
        if not self.fits:
            self._data = self.layer.data
            self._claim.release()
            self._claim = Claim(self.sheet.pixels)
            self._unmeasured.clear()
            self.forget()
            self._changed()
            return True
        waiting, self._unmeasured = self._unmeasured, []
        for change, by_hand, announced in waiting:
            if announced is not None:
                written = self.stands(change)
                self.presence.end(change.pixels, announced, written)
                if not written:  # announced, and then failed
                    self.drop(change)
                    continue
            try:
                rows, ids = rows_of_written(self, change.pixels, self.intensities, by_hand)
            except LabelsError:  # ids that have no rows, such as negative ones
                continue
            self.complete(change, rows, ids)
        return bool(waiting)

    # -- one log ---------------------------------------------------------------------------------

    def applying(self, change: Change) -> Steps[None]:
        self.sync()
        yield from super().applying(change)

    def undoing(self) -> Steps[MovedStep | None]:
        self.sync()
        moved = yield from super().undoing()
        if moved is not None:
            self._measure_anew(moved.change, moved.change.pixels.reversed)
        return moved

    def redoing(self) -> Steps[MovedStep | None]:
        self.sync()
        moved = yield from super().redoing()
        if moved is not None:
            self._measure_anew(moved.change, moved.change.pixels)
        return moved

    def _measure_anew(self, change: Change, runs: Runs) -> None:
        """Bring rows up to date after a step that has none: it was taken from napari's history."""
        table = self.sheet.table
        if change.rows is not None or not len(runs) or INDEX not in table:
            return
        try:
            rows, ids = rows_of_written(self, runs, self.intensities, ())
        except LabelsError:  # ids that have no rows
            return
        gone = rejected(rows) - rejected(self.table)  # nobody did that: they came with the step
        rows = rows[~np.isin(object_ids(rows), list(gone))]
        self.layer.features = put(self.table, ids, rows)

    def _napari_undo(self, wait: bool = False) -> None:
        """Take the last step back, as napari's key does.

        Parameters
        ----------
        wait : bool
            Whether a large step is back when this returns, as a script expects; else the window
            answers meanwhile.

        Raises
        ------
        LabelsError
            When the labels cannot be written; whoever does not wait is told by napari.
        """
        self._by_napari(self.undoing(), "Taking the last step back.", "Took back: ", wait)

    def _napari_redo(self, wait: bool = False) -> None:
        """Do the step again that was taken back last, see `_napari_undo`."""
        self._by_napari(self.redoing(), "Doing the last step again.", "Done again: ", wait)

    def _by_napari(self, steps: Steps[MovedStep | None], told: str, said: str, wait: bool) -> None:
        from napari.utils.notifications import show_warning

        def done(moved: MovedStep | None) -> str:
            if moved is None:
                return ""
            self._changed()
            return f"{said}{moved.told}"

        try:
            next(reversed(self._watchers.values())).slowly(steps, told, done, wait)
        except NapariSamError as error:
            if wait:
                raise
            show_warning(str(error))


def _give_history(layer: Any, done: list[Change], undone: list[Change]) -> None:
    """Let napari's own undo go on from where a document stopped."""
    layer._reset_history()
    dtype = finest(layer).dtype
    for history, steps in ((layer._undo_history, done), (layer._redo_history, undone)):
        painted_steps = [step for step in steps if len(step.pixels)]
        for step in painted_steps[-history.maxlen :]:
            history.append(as_napari_keeps_it(step.pixels, dtype))
