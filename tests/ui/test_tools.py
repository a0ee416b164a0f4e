"""Pages as tools: a new one is a file and a row, and leaves nothing behind."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from qtpy.QtWidgets import QVBoxLayout

from fake_model import FakeModel, blobs
from napari_sam.ui.canvas.keys import Keys
from napari_sam.ui.state import Advice
from napari_sam.ui.tools.tool import Parts, Tool
from napari_sam.ui.widgets import pages
from napari_sam.ui.widgets.controls import Button
from napari_sam.ui.widgets.page import Layers, Page
from napari_sam.ui.widgets.panel import Panel


class Counting(Tool):
    """A page nobody has thought of yet."""

    name: ClassVar[str] = "counting"
    title: ClassVar[str] = "Count"
    tip: ClassVar[str] = "Count presses of a key."
    advice: ClassVar[Advice] = Advice(ready="Press K.")

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.count = 0
        self.closed = False

    def keys(self) -> dict[str, Any]:
        return {"K": self.more, "Control-Z": self.more}

    def more(self) -> None:
        self.count += 1

    def cancel(self) -> str:
        return "Stopped counting."

    def close(self) -> None:
        self.closed = True


class CountingPage(Page):
    """Its widget: one button."""

    def __init__(self, session: Any, tool: Counting) -> None:
        super().__init__(session, tool)
        self.more = Button("More", "Count one more.", tool.more)
        QVBoxLayout(self).addWidget(self.more)
        self.images = 0

    def show_layers(self, layers: Layers) -> None:
        self.images = len(layers.images)


@pytest.fixture
def row(monkeypatch):
    monkeypatch.setattr(pages, "ROWS", [*pages.ROWS, pages.Row(Counting, CountingPage)])
    monkeypatch.setattr("napari_sam.ui.widgets.panel.ROWS", pages.ROWS)


def press(viewer, key):
    from napari.utils.key_bindings import KeymapHandler

    handler = KeymapHandler()
    handler.keymap_providers = [viewer]
    handler.press_key(key)


def keys_of(viewer):
    return {str(key) for key in viewer.keymap}


def test_a_tool_that_was_registered_is_a_page_with_keys_and_leaves_no_rest(
    row, make_napari_viewer, qtbot
):
    viewer = make_napari_viewer()
    callbacks = len(viewer.mouse_drag_callbacks)
    before = keys_of(viewer)
    panel = Panel(viewer, lambda name, device: FakeModel())
    qtbot.addWidget(panel)
    session, tool = panel.session, panel.session.tools["counting"]
    session.set_active(True)
    viewer.add_image(blobs((64, 80), [(20, 50)], 6))
    assert panel.tool.button("counting").text() == "Count"
    panel.tool.button("counting").click()
    page = panel._pages.currentWidget()
    assert isinstance(page, CountingPage)
    assert page.images == 1
    press(viewer, "K")
    page.more.click()
    assert tool.count == 2
    session.cancel()
    assert session.state.status == "Stopped counting."
    panel.tool.button("click").click()
    press(viewer, "K")
    assert tool.count == 2
    assert "K" not in keys_of(viewer)
    session.close()
    assert tool.closed
    assert keys_of(viewer) == before
    assert len(viewer.mouse_drag_callbacks) == callbacks
    assert "save" not in vars(viewer.layers)


@pytest.mark.parametrize("way", ["find", "close"])
def test_no_key_outlives_its_page(bench, way):
    bench.viewer.add_image(blobs(), name="nuclei")
    bound = {name: keys_of(bench.viewer) for name in ("click",)}
    for name in ("review", "click", "find", "review", "click"):
        bench.session.set_tool(name)
    assert keys_of(bench.viewer) == bound["click"]
    bench.session.set_tool("find") if way == "find" else bench.session.close()
    left = keys_of(bench.viewer)
    gone = {"Enter", "N", "C", "A", "P", "Delete", "Escape"}
    assert not (gone if way == "find" else gone | {"Ctrl+Z", "Ctrl+Shift+Z"}) & left


def test_a_closed_session_is_let_go(make_bench):
    made = make_bench()
    made.viewer.add_image(blobs())
    made.settle()
    made.session.close()
    gone = weakref.ref(made.session.tools["click"])
    made.session, made.loop = SimpleNamespace(close=lambda: None), None
    gc.collect()
    assert gone() is None


def test_a_key_that_is_held_shows_the_bare_image_until_it_goes_up(bench):
    from napari.utils.key_bindings import KeymapHandler

    image = bench.viewer.add_image(blobs(), name="nuclei")
    bench.click(20, 20)
    bench.settle()
    theirs = bench.viewer.add_labels(blobs().astype(int), opacity=0.4)
    before = [layer.opacity for layer in bench.viewer.layers]
    handler = KeymapHandler()
    handler.keymap_providers = [bench.viewer]
    handler.press_key("H")
    assert [la.opacity for la in bench.viewer.layers if la is not image] == [0, 0, 0]
    bench.settle()
    assert bench.state.answer is not None  # the marks still count
    handler.release_key("H")
    assert [layer.opacity for layer in bench.viewer.layers] == before
    assert theirs.opacity == 0.4


def test_keys_give_back_what_was_bound_before(bench):
    called = []
    bench.session.close()
    bench.viewer.bind_key("N", lambda viewer: called.append("theirs"))
    keys = Keys(
        bench.viewer, {"N": lambda: called.append("ours")}, (), lambda bare: None, lambda: None
    )
    keys.turn_on()
    press(bench.viewer, "N")
    keys.turn_off()
    press(bench.viewer, "N")
    assert called == ["ours", "theirs"]
