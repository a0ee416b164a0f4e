"""Reading the displayed plane: making it ready for clicks, and saying how far that is."""

from __future__ import annotations

from collections.abc import Callable

from napari_sam.engine.worker import View
from napari_sam.errors import ViewError
from napari_sam.images import Plane
from napari_sam.ui.proposing.read_ahead import ReadAhead
from napari_sam.ui.state import Chip
from napari_sam.ui.workbench import Workbench

# What to do next while a slice is being read and once it has been, tool by tool. Review tells of
# its own tools.
_WAITING = {
    "click": "Reading the image. You can click a cell already.",
    "find": "Reading the image. You can press the button already.",
}
_READY = {
    "click": "Click a cell. A right click marks what does not belong to it.",
    "find": "Press the button to start the search.",
}


class Encoding:
    """Knows which plane the model has read, and reads the displayed one ahead of clicks."""

    def __init__(self, bench: Workbench, failed: Callable[[Exception], None]) -> None:
        self._bench = bench
        self._failed = failed
        self._read: View | None = None
        self.read_ahead = ReadAhead(bench)

    def forget(self) -> None:
        """Another model is in charge, which has read nothing yet."""
        self._read = None
        self.read_ahead.forget()

    def has(self, view: View) -> bool:
        """Whether the model has read these pixels."""
        return view.same(self._read)

    def displayed(self) -> View | None:
        """Return the displayed view if the model has read it."""
        try:
            view = self._bench.view(self._bench.plane())
        except ViewError:
            return None
        return view if self.has(view) else None

    def ahead(self, plane: Plane) -> None:
        """Read a plane while nobody waits for anything else."""
        bench = self._bench
        view = bench.view(plane)
        if self.has(view):
            self.done(view)
            return
        if any(bench.jobs.wants(slot) for slot in ("predict", "find")):
            if bench.state.chip.kind == "empty":
                self.begin()  # it is being read for what was asked first
            return
        self.begin()
        self._guide(_WAITING)
        worker, name, device = bench.worker, bench.state.model, bench.device()
        bench.jobs.submit(
            "read",
            lambda progress: worker.encode(name, device, view, progress),
            lambda nothing: self.done(view),
            self._failed,
            self.progressed,
        )

    def begin(self) -> None:
        """Show that reading starts."""
        bench = self._bench
        known = bench.worker.has(bench.state.model, bench.device())
        bench.state.chip = Chip("wait", "reading the image" if known else "loading the model")

    def progressed(self, fraction: float) -> None:
        """Show how far it is."""
        state = self._bench.state
        if fraction > 0:
            state.chip = Chip("wait", f"reading the image {100 * fraction:.0f} %")
        state.progress = fraction

    def done(self, view: View) -> None:
        """Take note that the model has read a view."""
        bench, state = self._bench, self._bench.state
        self._read = view
        state.chip = Chip("ready", "ready")
        if not bench.jobs.wants("find"):
            state.progress = None
        if state.answer is None or state.tool != "click":
            self._guide(_READY)
        self.read_ahead.soon()

    def _guide(self, advice: dict[str, str]) -> None:
        tool = self._bench.state.tool
        if tool in advice:
            self._bench.guide(advice[tool])
