"""What the parts of a session share: the viewer, the state, the worker and how to speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from napari_sam.batch.job import Job
from napari_sam.engine.jobs import Jobs, Loop
from napari_sam.engine.worker import Worker
from napari_sam.errors import NapariSamError, ViewError
from napari_sam.images import Plane
from napari_sam.progress import Progress
from napari_sam.ui.layers.ours import OurLayers
from napari_sam.ui.layers.planes import cursor_on_plane
from napari_sam.ui.layers.shown import Shown, resolve
from napari_sam.ui.preferences import PreferenceStore
from napari_sam.ui.state import Advice, Chip, ChipKind, State

#: Slots of the work that changes labels when it is done, the most urgent first.
SEARCHING = ("carry", "follow", "fill", "find", "again")
#: Slots of work in which no model is asked.
WITHOUT_MODEL = ("fill",)
NO_IMAGE = "Open an image, or try File > Open Sample > SAM for Biology."


@dataclass(eq=False)
class Workbench:
    """Shared by the parts of one session; nothing here outlives it."""

    viewer: Any
    state: State
    loop: Loop
    jobs: Jobs
    worker: Worker
    preferences: PreferenceStore
    ours: OurLayers
    version: int = 0
    #: What a command line says instead of the image that is shown, a line each; see `Walk`.
    inputs: Callable[[], list[dict[str, Any]]] = list
    #: Which image of which file a layer shows that the plugin has opened: napari does not know.
    opened: WeakKeyDictionary[Any, Job] = field(default_factory=WeakKeyDictionary)
    _held: bool = False
    #: What came of something while another page was shown than the one it belongs to.
    _untold: dict[str, str] = field(default_factory=dict)
    _shown: Shown | None = None
    _shown_at: tuple[Any, ...] = field(default=(), repr=False)

    # -- speaking -------------------------------------------------------------------------------

    def say(self, text: str, problem: bool = False) -> None:
        """Put one sentence into the status line."""
        self._held = False
        self.state.problem = problem
        self.state.status = text

    def result(self, text: str, problem: bool = False) -> None:
        """Say what came of something; general advice does not replace it until `release`."""
        self.say(text, problem)
        self._held = True

    def result_on(self, page: str, text: str, problem: bool = False) -> None:
        """Say what came of something on its page: at once, or as soon as that page is shown.

        What did not work is told at once, whichever page is shown.
        """
        self._untold.pop(page, None)
        if problem or page == self.state.tool:
            self.result(text, problem)
        else:
            self._untold[page] = text

    def say_on(self, page: str, text: str) -> None:
        """Put into the status line what is of no use on any other page."""
        if page == self.state.tool:
            self.say(text)

    def catch_up(self) -> None:
        """Tell what came of something while another page was shown."""
        text = self._untold.pop(self.state.tool, "")
        if text:
            self.result(text)

    def guide(self, text: str, problem: bool = False) -> None:
        """Say what to do next, unless a result is still to be read."""
        if text and not self._held:
            self.say(text, problem)

    def first(self, text: str, problem: bool = False) -> None:
        """Tell what is done first on a page; where there is no image, that is to open one."""
        if self.state.image is None:
            self.say(NO_IMAGE)
        else:
            self.result(text, problem)

    def advise(self, advice: Advice) -> None:
        """Take what the page says of the slice that is shown, while nothing else is told."""
        self.state.advice = advice

    def release(self) -> None:
        """Let advice replace what was said: the person went on."""
        self._held = False

    def fail(self, error: Exception) -> None:
        """Tell what went wrong, and leave everything usable."""
        self.progress(None)
        if isinstance(error, NapariSamError):
            text = str(error)
        elif isinstance(error, MemoryError):
            text = "Not enough memory. Close other programs or crop the image."
        else:
            text = f"This did not work ({type(error).__name__}: {error})."
        self.result(text, problem=True)

    def progress(self, fraction: float | None) -> None:
        """Show how far what runs is; None when nothing does."""
        self.state.progress = fraction

    def chip(self, kind: ChipKind, text: str) -> None:
        """Show what the model can do right now."""
        self.state.chip = Chip(kind, text)

    def choose(self, role: str, layer: Any) -> None:
        """Let a layer play a role: image, points, shapes, mask, target or merge."""
        setattr(self.state, role, layer)

    def take_away(self, layer: Any) -> None:
        """Take a layer of ours away, once what happens in the viewer now is over.

        napari may be in the middle of taking away several layers by their places. Till then it is
        hidden, as nothing of it is to be seen without its image.
        """
        if layer is not None:
            layer.visible = False
            self.loop.later(f"remove {id(layer)}", 0, partial(self.ours.remove, layer))

    # -- files ----------------------------------------------------------------------------------

    def file_of(self, layer: Any) -> Path | None:
        """Return the file that a layer shows, None where it is not known."""
        if layer in self.opened:
            return self.opened[layer].source.path.absolute()
        path = None if layer is None else layer.source.path
        return Path(path) if path else None

    # -- looking at the viewer --------------------------------------------------------------------

    def device(self) -> str:
        """Where the model shall run."""
        return self.preferences.read().device

    def shown(self) -> Shown:
        """Return what is shown of the chosen image, resolved anew only when it has changed.

        Raises
        ------
        ViewError
        """
        image, dims = self.state.image, self.viewer.dims
        if image is None:
            raise ViewError(NO_IMAGE)
        at = (
            *(dims.point, dims.order, dims.ndisplay, dims.range, dims.units),
            *(dims.margin_left, dims.margin_right, self.viewer.canvas.grid.enabled),
            image,
        )
        if self._shown is None or at != self._shown_at:
            self._shown = None
            self._shown = self.look_at(image)
            self._shown_at = at
        return self._shown

    def look_at(self, image: Any) -> Shown:
        """Resolve what is shown of any image of the viewer.

        Raises
        ------
        ViewError
        """
        limits = self.preferences.read().use_contrast_limits
        return resolve(self.viewer, image, limits=limits, version=self.version)

    def changed(self, pixels: bool = False) -> None:
        """Look anew: the image lies elsewhere, looks different, or may hold other pixels."""
        self._shown = None
        self.version += pixels

    def plane(self) -> Plane:
        """Return the plane of the chosen image that is shown.

        Raises
        ------
        ViewError
        """
        return self.shown().plane

    @property
    def word(self) -> str:
        """What is shown of the chosen image is called: a slice, or a frame."""
        try:
            return self.shown().word
        except ViewError:
            return "slice"

    def plane_or_none(self) -> Plane | None:
        """Return the plane that is shown, None where there is none."""
        try:
            return self.shown().plane
        except ViewError:
            return None

    def cursor(self) -> tuple[float, float] | None:
        """Return the pixel (row, column) under the mouse; None beside an image that is seen."""
        image = self.state.image
        if image is None or not image.visible:
            return None
        try:
            return cursor_on_plane(self.viewer, image, self.plane())
        except NapariSamError:
            return None

    # -- work -----------------------------------------------------------------------------------

    @property
    def searching(self) -> bool:
        """Whether a search is under way that will change labels."""
        return any(self.jobs.wants(slot) for slot in SEARCHING)

    def submit(
        self,
        slot: str,
        work: Callable[[Progress], Any],
        done: Callable[[Any], None],
        *,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        """Queue work whose failure ends up in the status line."""
        self.jobs.submit(slot, work, done, self.fail, progress)
