"""A session on a `ViewerModel`, whose event loop and worker the test turns by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from fake_model import FakeModel
from napari_sam.engine.catalogue import Catalogue
from napari_sam.ui.loops import ManualLoop
from napari_sam.ui.preferences import Preferences, PreferenceStore
from napari_sam.ui.session import PanelSession
from napari_sam.ui.widgets.pages import ROWS


class FakeCatalogue(Catalogue):
    """Two models, one of which has to be downloaded first."""

    def __init__(self) -> None:
        super().__init__()
        self.here = {"cells"}
        self.error: Exception | None = None

    def names(self) -> list[str]:
        return ["cells", "large"]

    def describe(self, name: str) -> str:
        return f"About {name}."

    def suits(self, name: str) -> dict[str, Any]:
        return {}

    def missing_megabytes(self, name: str) -> float | None:
        return None if name in self.here else 375.0

    def download(self, name: str, progress: Any) -> None:
        progress(0.5)
        if self.error is not None:
            raise self.error
        self.here.add(name)


class Bench:
    """A viewer, a session and a fake model, and hands to work them."""

    def __init__(self, viewer: Any = None, threaded: bool = False) -> None:
        self.viewer = viewer or ViewerModel()
        self.loop = ManualLoop()
        self.model = FakeModel()
        self.loaded: list[str] = []
        self.catalogue = FakeCatalogue()
        self.session = PanelSession(
            self.viewer,
            self.load,
            loop=self.loop,
            threaded=threaded,
            catalogue=self.catalogue,
            tools=[row.tool for row in ROWS],
        )
        self.session.proposal.predicting.encoding.read_ahead.on = (
            False  # tests of their own turn it on
        )
        self.session.set_active(True)

    def load(self, name: str, *, device: str) -> FakeModel:
        self.loaded.append(name)
        return self.model

    @property
    def cells(self) -> Any:
        return self.session.tools["click"]

    @property
    def find(self) -> Any:
        return self.session.tools["find"]

    @property
    def review(self) -> Any:
        return self.session.tools["review"]

    @property
    def state(self) -> Any:
        return self.session.state

    def settle(self) -> None:
        """Let everything that is waiting happen."""
        while (
            self.loop.turn()
            or self.session.jobs.run_next()
            or any(tool.run_next() for tool in self.session.tools.values())
            or self.session.models.downloads.run_next()
            or self.session.recovery.run_next()
            or self.session.walk.run_next()
        ):
            pass

    def click(self, *world: float, button: int = 1, modifiers: tuple[str, ...] = ()) -> None:
        """Press and release a mouse button at a place in the world, as napari reports it."""
        from napari.utils.interactions import mouse_press_callbacks, mouse_release_callbacks

        self.viewer.cursor.position = world
        event = Event("mouse_press", button, modifiers)
        mouse_press_callbacks(self.viewer, event)
        event.type = "mouse_release"
        mouse_release_callbacks(self.viewer, event)

    def drag(self, *path: tuple[float, ...], button: int = 1, release: bool = True) -> Event:
        """Press a mouse button, move through places in the world, and release it."""
        from napari.utils.interactions import (
            mouse_move_callbacks,
            mouse_press_callbacks,
            mouse_release_callbacks,
        )

        event = Event("mouse_press", button, ())
        self.viewer.cursor.position = path[0]
        mouse_press_callbacks(self.viewer, event)
        event.is_dragging = True
        for world in path[1:]:
            self.viewer.cursor.position = world
            event.type, event.pos = "mouse_move", event.pos + 10
            mouse_move_callbacks(self.viewer, event)
        if release:
            event.type = "mouse_release"
            mouse_release_callbacks(self.viewer, event)
        return event

    def press(self, key: str) -> None:
        """Press a key as the canvas would, active layer first."""
        from napari.utils.key_bindings import KeymapHandler

        handler = KeymapHandler()
        active = self.viewer.layers.selection.active
        handler.keymap_providers = [layer for layer in (active, self.viewer) if layer is not None]
        handler.press_key(key)

    def keep(self, *place: int) -> None:
        """Click a cell and keep it."""
        self.click(*place)
        self.settle()
        self.press("Enter")
        self.settle()

    def step(self, by: int = 1) -> None:
        """Go to another image of the folder that is walked through."""
        self.session.walk.step(by)
        self.settle()

    def names(self) -> list[str]:
        return [layer.name for layer in self.viewer.layers]


class Event:
    """What napari's mouse callbacks are given, as far as they look."""

    def __init__(self, kind: str, button: int, modifiers: tuple[str, ...]) -> None:
        self.type = kind
        self.button = button
        self.modifiers = modifiers
        self.pos = np.array([5.0, 5.0])
        self.is_dragging = False
        self.handled = False


@pytest.fixture(autouse=True)
def default_preferences() -> Iterator[None]:
    """Choices made in a test are remembered by napari; the next test must not inherit them.

    Nothing is outlined under the mouse, unless a test wants it: the model would be asked more than
    a test says.
    """
    store = PreferenceStore()
    store.remember(**{**asdict(Preferences()), "hover_preview": False})
    yield
    store.remember(**asdict(Preferences()))


@pytest.fixture(autouse=True)
def home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test keeps is offered back for the same image: the next test must not see it."""
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "home"))


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(viewer: Any = None, threaded: bool = False) -> Bench:
        made.append(Bench(viewer, threaded))
        return made[-1]

    yield make
    for bench in made:
        bench.session.close()


@pytest.fixture
def make_event() -> Callable[..., Event]:
    return Event


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
