"""One document per Labels layer, whichever page writes into it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_sam.engine.jobs import Jobs
from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.images import Plane
from napari_sam.labels.document import Listener
from napari_sam.labels.presence import Presence
from napari_sam.progress import Progress
from napari_sam.ui.labels_layer.autosave import Autosave
from napari_sam.ui.labels_layer.layer_document import LayerDocument, Watcher, document_of
from napari_sam.ui.labels_layer.slowly import Slowly
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.layers.planes import read_plane
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Image, Labels


class Documents:
    """Opens the document of a layer when somebody is going to write into it.

    Parameters
    ----------
    bench : Workbench
    changed : callable
        Called when a layer was changed in a way that its page did not ask for.
    threaded : bool
        Whether large labels are counted beside the window; else when it must be.
    """

    #: Of which document, what happened, and to which step: see `Document.listen`. ``"adopt"``
    #: tells that steps are known that were taken back before anybody listened.
    happened = Signal(object, str, object)

    def __init__(self, bench: Workbench, changed: Callable[[], None], threaded: bool) -> None:
        self._bench = bench
        self._changed = changed
        self._open: list[LayerDocument] = []
        self._listeners: dict[LayerDocument, Listener] = {}
        self._counting = (
            Jobs(bench.loop, ("count",), name="napari-sam counting") if threaded else None
        )
        self.autosave = Autosave(bench, threaded)
        #: Does what takes long to whichever labels, one after the other.
        self.slowly = Slowly(bench, changed)
        for role in ("target", "merge"):
            bench.state.events[role].connect(self._chosen)

    def _chosen(self, layer: Labels | None) -> None:
        """Get ready for a layer that will be written."""
        if layer is not None:
            self.of(layer)

    def known(self, layer: Labels | None) -> LayerDocument | None:
        """Return the document of a layer if there is one."""
        return next((document for document in self._open if document.layer is layer), None)

    def of(self, layer: Labels, empty: bool = False) -> LayerDocument:
        """Return the document of a layer, opening it when there is none.

        Parameters
        ----------
        empty : bool
            Whether the layer is new, and known to hold no object.
        """
        document = self.known(layer)
        if document is None:
            # Another panel may have it open; there is one log for all of them.
            document = document_of(layer) or LayerDocument(layer, empty=empty)
            name = f"labels {id(layer)}"
            document.watch(
                self,
                Watcher(
                    lambda call: self._bench.loop.later(name, 0, call),
                    self._changed,
                    lambda plane: self._intensities(layer, plane),
                    self.slowly.run,
                    lambda: self._image_of(layer),
                ),
            )
            listener = self._listeners[document] = partial(self._tell, document)
            document.listen(listener)
            self._open.append(document)
            self.happened.emit(document, "adopt", None)
            self.autosave.follow(document, empty)
            self._count()
        return document

    def busy(self, layer: Labels | None) -> bool:
        """Whether a layer is being written, some of it at a time."""
        document = self.known(layer)
        return document is not None and document.under_way

    def newest(self) -> LayerDocument | None:
        """Return the document with the step that was made last, in a layer of the viewer."""
        best: LayerDocument | None = None
        for document in self._open:
            document.sync()
            last = document.last
            if last is None or not last.when or document.layer not in self._bench.viewer.layers:
                continue
            if best is None or best.last is None or last.when > best.last.when:
                best = document
        return best

    def look(self) -> None:
        """See whether any step can be taken back."""
        layers = self._bench.viewer.layers
        self._bench.state.kept = any(
            document.last is not None
            and document.last.when > 0
            and document.fits
            and document.layer in layers
            for document in self._open
        )

    def _tell(self, document: LayerDocument, event: str, change: Any) -> None:
        self.look()
        self.happened.emit(document, event, change)
        if self._gone():  # it was still being written
            self._bench.loop.later("layers that are gone", 0, self.layers_changed)

    def written(self) -> None:
        """Let every page look anew: labels were written in no step of theirs."""
        self._changed()

    def layers_changed(self) -> None:
        """Let go of layers that are no longer in the viewer, once nothing writes them."""
        for document in self._gone():
            self._leave(document)

    def _gone(self) -> list[LayerDocument]:
        layers = self._bench.viewer.layers
        return [d for d in self._open if d.layer not in layers and not d.under_way]

    def close(self) -> None:
        """Let go of all layers."""
        if self._counting is not None:
            self._counting.close()
        for document in list(self._open):
            self._leave(document)
        self.autosave.close()

    def _leave(self, document: LayerDocument) -> None:
        self._open.remove(document)
        self.autosave.leave(document)
        document.unlisten(self._listeners.pop(document))
        document.unwatch(self)

    # -- what documents ask for ------------------------------------------------------------------

    def _count(self) -> None:
        """Count large labels beside the window, so that nobody waits for it later."""
        left = [d for d in self._open if not d.presence.complete]
        if self._counting is None or not left:
            return

        def count(progress: Progress) -> None:
            for step in (Presence.seek_next, Presence.count_next):
                for document in left:
                    while step(document.presence):
                        progress(0.0)  # may be cancelled here

        self._counting.submit("count", count, lambda done: None, lambda error: None)

    def _intensities(self, layer: Labels, plane: Plane) -> npt.NDArray[Any] | None:
        """Pixels of the image on a plane of a layer, when they need no waiting."""
        image = self._image_of(layer)
        if image is None or image.multiscale or not isinstance(image.data, np.ndarray):
            return None
        try:
            return read_plane(image, plane)
        except (NapariSamError, IndexError, ValueError):  # an image of other axes
            return None

    def _image_of(self, layer: Labels) -> Image | None:
        """The chosen image if a layer lies on it."""
        image = self._bench.state.image
        try:
            if image is not None:
                check_fit(image, layer, write=False)
        except LabelsError:
            return None
        return image
