"""A page of the panel: what its keys, clicks and buttons do while it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import ClassVar, Protocol

from napari_sam.ui.canvas.keys import Action, Keys
from napari_sam.ui.canvas.peek import peek
from napari_sam.ui.labels_layer.accepting import Accepting
from napari_sam.ui.labels_layer.documents import Documents
from napari_sam.ui.labels_layer.track_lines import TrackLines
from napari_sam.ui.model_choice import ModelChoice
from napari_sam.ui.proposing.proposal import Proposing
from napari_sam.ui.proposing.region import DrawnRegion
from napari_sam.ui.state import Advice
from napari_sam.ui.workbench import Workbench


class Mouse(Protocol):
    """Whatever listens to the mouse on the canvas."""

    def turn_on(self) -> None: ...

    def turn_off(self) -> None: ...


@dataclass(frozen=True, eq=False)
class Parts:
    """What the pages of one session share.

    Parameters
    ----------
    bench : Workbench
    proposal : Proposing
        The cell being marked.
    documents : Documents
        What happened to Labels layers.
    accepting : Accepting
        From proposals to labels, and back.
    usable : callable
        Whether the chosen model is here; says what to do when it is not.
    acted : callable
        To be called when a key or a click of ours did something.
    models : ModelChoice
        Which models there are, and which is chosen.
    lines : TrackLines
        From labels to the lines of their tracks.
    region : DrawnRegion
        What a person has drawn around.
    threaded : bool
        Whether work has threads of its own; False lets a test run it.
    """

    bench: Workbench
    proposal: Proposing
    documents: Documents
    accepting: Accepting
    usable: Callable[[], bool]
    acted: Callable[[], None]
    models: ModelChoice
    lines: TrackLines
    region: DrawnRegion
    threaded: bool


class Tool:
    """One page. A new one is a file in this folder, and a row of `ui.widgets.pages`.

    A tool is made once per session, is shown and hidden many times, and closed once. It has
    keys and the mouse only while it is shown.
    """

    #: Under which the session knows it.
    name: ClassVar[str]
    #: On the button that shows the page, and its tooltip.
    title: ClassVar[str]
    tip: ClassVar[str]
    advice: ClassVar[Advice] = Advice()
    #: What keys and the mouse do, in the order in which a person needs them: for the sheet of keys.
    sheet: ClassVar[tuple[tuple[str, str], ...]] = ()
    #: Whether it colours labels by a table of colours.
    colours: ClassVar[bool] = False

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.bench = parts.bench
        self.mouse: Mouse | None = None
        self.shown = False

    @cached_property
    def _keys(self) -> Keys:
        bench = self.bench
        keys: dict[str, Action] = {"H": partial(peek, bench.ours), **self.keys()}
        return Keys(bench.viewer, keys, bench.ours, self._enter_is, self.parts.acted)

    def keys(self) -> dict[str, Action]:
        """Return the keys of the page, as napari spells them, and what they do."""
        return {}

    def set_shown(self, shown: bool) -> None:
        """Have keys and the mouse while the page is shown, and give both back afterwards."""
        if shown == self.shown:
            return
        self.shown = shown
        if not shown:
            self._keys.turn_off()
            if self.mouse is not None:
                self.mouse.turn_off()
            self.deactivate()
            return
        if self.mouse is not None:
            self.mouse.turn_on()
        self._keys.turn_on()
        self.activate()

    def _enter_is(self, bare: bool) -> None:
        self.bench.state.accept_key = "Enter" if bare else "Ctrl+Enter"

    # -- what a page may do when it is told -------------------------------------------------------

    def activate(self) -> None:
        """The page is shown now."""

    def deactivate(self) -> None:
        """The page is hidden now: leave nothing half done on the canvas."""

    def view_changed(self) -> None:
        """Another plane is shown, or it is shown differently."""

    def image_changed(self) -> None:
        """Another image was chosen."""

    def model_changed(self) -> None:
        """Another model was chosen, or has arrived."""

    def layers_changed(self) -> None:
        """A layer came or went."""

    def labels_changed(self) -> None:
        """Labels were changed by somebody else: napari's own tools, or another page."""

    def cancel(self) -> str:
        """Stop what the page has under way, and tell what is left of it; empty for nothing."""
        return ""

    def run_next(self) -> bool:
        """Run work of the page that has no thread of its own; tell whether there was any."""
        return False

    def close(self) -> None:
        """The session ends: give back threads, layers and callbacks."""
