"""Reading the displayed plane: making it ready for clicks, and saying how far that is."""

from __future__ import annotations

from collections.abc import Callable

from napari_sam.errors import ViewError
from napari_sam.images import Plane
from napari_sam.ui.desk import Desk
from napari_sam.ui.proposing.neighbours import Neighbours
from napari_sam.ui.state import Chip
from napari_sam.ui.worker import View

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


class Reading:
    """Knows which plane the model has read, and reads the displayed one ahead of clicks."""

    def __init__(self, desk: Desk, failed: Callable[[Exception], None]) -> None:
        self._desk = desk
        self._failed = failed
        self._read: View | None = None
        self.neighbours = Neighbours(desk)

    def forget(self) -> None:
        """Another model is in charge, which has read nothing yet."""
        self._read = None
        self.neighbours.forget()

    def has(self, view: View) -> bool:
        """Whether the model has read these pixels."""
        return view.same(self._read)

    def displayed(self) -> View | None:
        """Return the displayed view if the model has read it."""
        try:
            view = self._desk.view(self._desk.plane())
        except ViewError:
            return None
        return view if self.has(view) else None

    def ahead(self, plane: Plane) -> None:
        """Read a plane while nobody waits for anything else."""
        desk = self._desk
        view = desk.view(plane)
        if self.has(view):
            self.done(view)
            return
        if any(desk.jobs.wants(slot) for slot in ("predict", "find")):
            if desk.state.chip.kind == "empty":
                self.begin()  # it is being read for what was asked first
            return
        self.begin()
        self._guide(_WAITING)
        worker, name, device = desk.worker, desk.state.model, desk.device()
        desk.jobs.submit(
            "read",
            lambda progress: worker.encode(name, device, view, progress),
            lambda nothing: self.done(view),
            self._failed,
            self.progressed,
        )

    def begin(self) -> None:
        """Show that reading starts."""
        desk = self._desk
        known = desk.worker.has(desk.state.model, desk.device())
        desk.state.chip = Chip("wait", "reading the image" if known else "loading the model")

    def progressed(self, fraction: float) -> None:
        """Show how far it is."""
        state = self._desk.state
        if fraction > 0:
            state.chip = Chip("wait", f"reading the image {100 * fraction:.0f} %")
        state.cancellable = True
        state.progress = fraction

    def done(self, view: View) -> None:
        """Take note that the model has read a view."""
        desk, state = self._desk, self._desk.state
        self._read = view
        state.chip = Chip("ready", "ready")
        if not desk.jobs.wants("find"):
            state.progress = None
        if state.answer is None or state.tool != "click":
            self._guide(_READY)
        self.neighbours.soon()

    def _guide(self, advice: dict[str, str]) -> None:
        tool = self._desk.state.tool
        if tool in advice:
            self._desk.guide(advice[tool])
