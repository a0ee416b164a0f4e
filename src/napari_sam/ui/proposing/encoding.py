"""Encoding the plane shown: making it ready for clicks, and saying how far that is."""

from __future__ import annotations

from collections.abc import Callable

from napari_sam.engine.view import View
from napari_sam.errors import ViewError
from napari_sam.ui.canvas.camera import look_at_plane
from napari_sam.ui.layers.shown import Shown
from napari_sam.ui.proposing.read_ahead import ReadAhead
from napari_sam.ui.workbench import Workbench


class Encoding:
    """Knows which plane the model has encoded, and encodes the one shown ahead of clicks."""

    def __init__(self, bench: Workbench, failed: Callable[[Exception], None]) -> None:
        self._bench = bench
        self._failed = failed
        self._encoded: View | None = None
        self.read_ahead = ReadAhead(bench)

    def forget(self) -> None:
        """Another model is in charge, which has read nothing yet."""
        self._encoded = None
        self.read_ahead.forget()

    def has(self, view: View) -> bool:
        """Whether the model has read these pixels."""
        return view.same(self._encoded)

    def displayed(self) -> View | None:
        """Return the displayed view if the model has read it."""
        try:
            view = self._bench.shown().view
        except ViewError:
            return None
        return view if self.has(view) else None

    def ahead(self, shown: Shown) -> None:
        """Encode what is shown while nobody waits for anything else."""
        bench, view = self._bench, shown.view
        if self.has(view):
            self.done(shown)
            return
        if any(bench.jobs.wants(slot) for slot in ("predict", "find")):
            if bench.state.chip.kind == "empty":
                self.begin()  # it is being encoded for what was asked first
                bench.guide(f"This {shown.word} is read as soon as the search is over.")
            return
        self.begin()
        bench.guide(bench.state.advice.waiting)
        worker, name, device = bench.worker, bench.state.model, bench.device()
        look = look_at_plane(bench.viewer, shown.image, shown.plane)
        bench.jobs.submit(
            "read",
            lambda progress: worker.encode(name, device, view, progress, look),
            lambda nothing: self.done(shown),
            self._failed,
            self.progressed,
        )

    def begin(self) -> None:
        """Show that encoding starts."""
        bench = self._bench
        known = bench.worker.has(bench.state.model, bench.device())
        bench.chip("wait", "reading the image" if known else "loading the model")

    def progressed(self, fraction: float) -> None:
        """Show how far it is."""
        if fraction > 0:
            self._bench.chip("wait", f"reading the image {100 * fraction:.0f} %")
        self._bench.progress(fraction)

    def done(self, shown: Shown) -> None:
        """Take note that the model has encoded what is, or was, shown."""
        bench, state = self._bench, self._bench.state
        self._encoded = shown.view
        if not bench.jobs.wants("find"):
            bench.progress(None)
        try:
            bench.shown()
        except ViewError:
            self.no_slice()  # which the progress has talked over
            return
        bench.chip("ready", "ready")
        if state.answer is None or not state.advice.others:
            bench.guide(state.advice.ready and shown.remark + state.advice.ready)
        self.read_ahead.soon()

    def no_slice(self) -> None:
        """Show that there is nothing to be clicked at."""
        nothing = self._bench.state.image is None
        self._bench.chip("empty", "no image" if nothing else "no slice")
