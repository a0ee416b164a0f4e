"""Offers back what was kept for an image, and not saved, before napari crashed or was closed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.counts import counted
from napari_sam.engine.jobs import Jobs
from napari_sam.errors import Cancelled, NapariSamError
from napari_sam.labels.entries import PLACE
from napari_sam.labels.making import making
from napari_sam.labels.presence import Presence
from napari_sam.labels.replay import Recovered, replay
from napari_sam.labels.sheet import PlainSheet, Sheet
from napari_sam.labels.steps import Steps
from napari_sam.progress import Progress
from napari_sam.ui.labels_layer import shelf
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.labels_layer.layer_sheet import LayerSheet
from napari_sam.ui.labels_layer.on_disk import open_again, place_of
from napari_sam.ui.labels_layer.slowly import Slowly
from napari_sam.ui.layers.label_grid import labels_layer, transform_of
from napari_sam.ui.layers.planes import spatial_shape
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Offer:
    """Labels that wait for a word of the person; nobody else offers them meanwhile."""

    image: Image
    held: shelf.Held
    labels: Recovered
    count: int
    last: float
    told: bool  # whether the journal tells of the labels as they are


class Recovery:
    """Looks for unsaved labels of the chosen image; restores or discards them when told to.

    Parameters
    ----------
    bench : Workbench
    documents : Documents
    threaded : bool
        Whether it is looked for beside the window.
    """

    def __init__(self, bench: Workbench, documents: Documents, threaded: bool) -> None:
        self._bench = bench
        self._documents = documents
        self._jobs = Jobs(bench.loop, ("look",), name="napari-sam recovery", threaded=threaded)
        self._slowly = Slowly(bench)
        self._offer: _Offer | None = None
        self._tidied = False
        bench.state.events.image.connect(self._image_chosen)

    def run_next(self) -> bool:
        """Run what waits on this thread; tell whether there was anything."""
        return self._jobs.run_next()

    def close(self) -> None:
        """Offer no more; what was not restored is offered at the next start."""
        self._jobs.close()
        self._slowly.close()
        self._withdraw()

    # -- looking -----------------------------------------------------------------------------

    def _image_chosen(self, image: Image | None) -> None:
        self._withdraw()
        self._jobs.cancel_all()
        if image is not None:
            self._look(image)

    def _look(self, image: Image) -> None:
        """Look for labels that were kept for an image and are in no layer of this viewer."""
        identity = shelf.identity_of(image)
        days = self._bench.preferences.read().recovery_days
        here = {shelf.note_of(layer) for layer in self._bench.viewer.layers}
        known = self._documents.autosave.own | {path for path in here if path is not None}
        first, self._tidied = not self._tidied, True

        def look(progress: Progress) -> _Offer | None:
            if first:
                shelf.tidy(days)
            return _newest(image, identity(), known, progress)

        self._jobs.submit("look", look, self._found, self._missed)

    def _found(self, offer: _Offer | None) -> None:
        if offer is None:
            return
        if offer.image is not self._bench.state.image:
            offer.held.release()
            return
        self._offer = offer
        self._bench.state.unsaved = _words(offer)

    def _missed(self, error: Exception) -> None:
        """A folder that cannot be read, or not enough memory, stops nobody's work."""
        _log.warning("Unsaved labels could not be looked for: %s", error)

    def _withdraw(self) -> None:
        offer, self._offer = self._offer, None
        self._bench.state.unsaved = ""
        if offer is not None:
            offer.held.release()

    # -- what the person says ------------------------------------------------------------------

    def restore(self) -> None:
        """Add a Labels layer with all that was kept; undo goes back as far as it did."""
        self._answered(self._restore)

    def discard(self) -> None:
        """Throw away what was offered."""
        self._answered(self._discard)

    def _answered(self, then: Callable[[_Offer], None]) -> None:
        offer, self._offer = self._offer, None
        self._bench.state.unsaved = ""
        if offer is not None:
            self._once_whole(offer, lambda: then(offer))

    def _once_whole(self, offer: _Offer, then: Callable[[], None]) -> None:
        """Take back in the file of the labels what was cut off on the way, before anything else.

        Until that is done the journal stays as it is, so that another kill takes nothing away.
        """
        if offer.labels.half_written is None:
            then()
            return

        def whole(left_alone: int) -> None:
            offer.labels.taken_back()
            then()

        try:
            self._slowly.run(self._taking_back(offer), "Taking back what was cut off.", whole)
        except Exception as error:  # noqa: BLE001 -- the file may be gone
            self._bench.fail(error)

    def _taking_back(self, offer: _Offer) -> Steps[int]:
        labels, change = offer.labels, offer.labels.half_written
        assert change is not None
        try:
            layer = self._there(labels)
            document = None if layer is None else self._documents.known(layer)
            if layer is None:
                pixels = open_again(labels.about[PLACE])
                sheet: Sheet = PlainSheet(pixels, labels.table, str(labels.about["name"]))
            else:
                sheet = LayerSheet(layer)
            presence = Presence(lambda: sheet.pixels) if document is None else document.presence
            step = replace(change, rows=None)
            parts = sheet, presence, step
            return (yield from making(*parts, back=True, strictly=False, wanted=lambda: True))
        except BaseException:
            offer.held.release()
            raise

    def _restore(self, offer: _Offer) -> None:
        if offer.image is not self._bench.state.image:  # another was chosen meanwhile
            offer.held.release()
            return
        try:
            layer = self._layer(offer)
        except Exception as error:  # noqa: BLE001 -- a damaged journal may raise anything
            offer.held.release()
            self._bench.fail(error)
            return
        steps = len(offer.labels.done)
        undo = f"; undo goes back {counted(steps, 'step')}" if steps else ""
        what = _what(offer)
        self._bench.result(f"Restored {what} {layer.name!r}{undo}.")
        self._look(offer.image)

    def _layer(self, offer: _Offer) -> Any:
        image, labels = offer.image, offer.labels
        fits = labels.shape == spatial_shape(image)
        layer = self._there(labels)
        if layer is None:
            pixels = labels.pixels
            if pixels is None:
                pixels = open_again(labels.about[PLACE])
            transform = transform_of(image) if fits else {}
            layer = labels_layer(pixels, str(labels.about["name"]), **transform)
        document = self._documents.of(layer)
        document.adopt(labels.done, labels.undone)
        self._documents.happened.emit(document, "adopt", None)
        layer.features = labels.table
        self._documents.autosave.go_on(document, offer.held, offer.told)
        if layer not in self._bench.viewer.layers:
            self._bench.ours.add_beneath(layer)
        if fits:
            self._bench.choose("target", layer)
        self._documents.look()
        return layer

    def _there(self, labels: Recovered) -> Any:
        """Find the layer that shows the file which holds the pixels; None when none does."""
        from napari.layers import Labels

        place = labels.about.get(PLACE)
        return next(
            (
                layer
                for layer in self._bench.viewer.layers
                if place
                and isinstance(layer, Labels)
                and place_of(LayerSheet(layer).pixels) == place
            ),
            None,
        )

    def _discard(self, offer: _Offer) -> None:
        offer.held.delete()
        self._bench.result(f"Discarded {offer.labels.about['name']!r}.")
        if offer.image is self._bench.state.image:
            self._look(offer.image)


def _newest(image: Image, key: str, known: set[Path], progress: Progress) -> _Offer | None:
    """Find the journal that was written last and holds something that is not saved."""
    for held in shelf.of_image(key):
        if held.path in known:
            held.release()
            continue
        try:
            last = held.path.stat().st_mtime
            labels = replay(held.path, progress=progress)
            count = 0 if labels is None else len(labels.ids())
            progress(1.0)
        except Cancelled:
            held.release()
            raise
        except (NapariSamError, OSError, MemoryError) as error:
            held.release()
            _log.warning("%s cannot be read: %s", held.path, error)
            if not isinstance(error, NapariSamError | OSError):
                raise
            continue
        if labels is None:
            held.release()
            continue
        unsaved = not labels.saved and (count or labels.done)
        if unsaved or labels.half_written is not None:
            told = labels.whole and labels.begun is None
            return _Offer(image, held, labels, count, last, told)
        held.release()
    return None


def _words(offer: _Offer) -> str:
    now, then = time.localtime(), time.localtime(offer.last)
    day = "today" if now[:3] == then[:3] else time.strftime("%d %b %Y", then).lstrip("0")
    half = " A step was cut off on the way: either answer takes it back." * (
        offer.labels.half_written is not None
    )
    return (
        f"Not saved: {_what(offer)} {offer.labels.about['name']!r}, "
        f"{day} {time.strftime('%H:%M', then)}.{half}"
    )


def _what(offer: _Offer) -> str:
    if offer.labels.pixels is None:  # its pixels are in their file
        return "the table and undo of"
    return f"{counted(offer.count, 'cell')} in"
