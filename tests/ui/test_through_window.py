"""Through slices in the real window: real clicks, real keys, the strip and its buttons."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sam.ui.layers.axes import Further
from napari_sam.ui.tools.through_state import Strip, ThroughState
from napari_sam.ui.widgets.slice_strip import SliceStrip
from napari_sam.ui.widgets.through_switch import ThroughSwitch
from real_window import TRANSFORM, Window
from stack_of_balls import BALL, SHAPE, STACK, overlap

MIDDLE = (5, 40, 50)
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def window(make_napari_viewer, qtbot):
    made = Window(make_napari_viewer(show=True), qtbot)
    yield made
    made.session.close()


def opened(window):
    """Add a scaled stack, show the middle of its cell, and switch the following on."""
    layer = window.viewer.add_image(STACK, name="stack", **TRANSFORM)
    window.viewer.dims.set_point(0, layer.data_to_world(MIDDLE)[0])
    window.until(lambda: window.session.proposal.predicting.encoding.displayed() is not None)
    box = window.panel.pages["click"].through
    box.switch.click()
    return layer, box


def followed(window):
    jobs, state = window.session.jobs, window.session.tools["click"].through.state
    window.until(lambda: state.strip is not None and len(state.strip.scores) > 2)
    window.until(lambda: not (jobs.wants("carry") or jobs.wants("predict")))
    return state


def at(window, layer) -> int:
    return round(layer.world_to_data(window.viewer.dims.point)[0])


def test_a_cell_is_followed_corrected_kept_undone_and_redone(window):
    layer, box = opened(window)
    window.click(layer, MIDDLE)
    state = followed(window)
    assert box.strip.isVisible()
    assert not window.session.state.problem
    strip = box.strip
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, NONE, QPoint(round(strip.place(7)), 6))
    assert at(window, layer) == 7
    area = np.count_nonzero(window.viewer.layers["SAM preview"].data)
    assert area
    window.click(layer, (7, 40, 64))
    window.until(lambda: state.strip.given == {5, 7})
    followed(window)
    window.press(Qt.Key.Key_D)
    assert at(window, layer) == state.strip.doubtful()[0]
    window.press(Qt.Key.Key_Return)
    window.until(lambda: "stack cells" in window.viewer.layers)
    labels = window.viewer.layers["stack cells"]
    kept = labels.data.copy()
    assert np.unique(kept).tolist() == [0, 1]
    assert overlap(kept > 0, BALL) > 0.6
    assert kept[7, 40, 64] == 1
    window.panel.pages["click"].undo.click()
    assert not labels.data.any()
    assert state.strip.given == {5, 7}
    labels.redo()
    np.testing.assert_array_equal(labels.data, kept)
    window.until(lambda: not state.strip.scores)


def test_the_panel_needs_no_scrolling_with_the_strip(window):
    window.viewer.window.resize(1280, 800)
    opened(window)
    for _ in range(3):
        QApplication.processEvents()
    assert window.viewer.window._qt_window.height() == 800
    assert not window.panel._scroll.verticalScrollBar().isVisible()
    assert window.panel.minimumSizeHint().width() <= 320


def test_the_axis_is_chosen_where_there_are_several(window):
    movie = np.zeros((3, *SHAPE), np.uint8)
    movie[:] = STACK
    window.viewer.add_image(movie, axis_labels=("t", "z", "y", "x"))
    box = window.panel.pages["click"].through
    window.until(lambda: box.axis.count() == 2)
    box.switch.click()
    assert box.switch.text() == "Through slices"
    assert box.strip._strip.length == SHAPE[0]
    box.axis.setCurrentIndex(1)
    box.axis.activated.emit(1)
    assert box.switch.text() == "Through time"
    assert box.strip._strip.length == 3
    QTest.mouseClick(box.strip, Qt.MouseButton.LeftButton, NONE, QPoint(box.strip.width() - 2, 6))
    assert window.viewer.dims.current_step[0] == 2


def test_closing_while_it_follows_leaves_no_layer(window):
    layer, _ = opened(window)
    window.click(layer, MIDDLE)
    window.until(lambda: window.session.jobs.wants("carry"))
    window.session.close()
    assert [la.name for la in window.viewer.layers] == ["stack"]


# -- the strip ------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 7, 40, 299, 300, 301, 2000])
def test_every_slice_is_found_where_it_is_drawn(qtbot, length):
    strip = SliceStrip()
    qtbot.addWidget(strip)
    strip.resize(300, strip.height())
    assert strip.slice_at(10) is None
    strip.show_strip(Strip(length, {0: 0.9}, frozenset({0}), (0, length - 1)))
    for slice_ in range(length):
        assert strip.slice_at(strip.place(slice_)) == slice_
    assert strip.slice_at(-5) == 0
    assert strip.slice_at(900) == length - 1


def test_the_strip_paints_scores_ends_and_the_slice_shown(qtbot):
    strip = SliceStrip()
    qtbot.addWidget(strip)
    strip.resize(100, strip.height())
    empty = strip.grab().toImage()
    strip.show_strip(Strip(10, {2: 0.9, 3: 0.4}, frozenset({2}), (1, 7)))
    strip.show_at(6)
    painted = strip.grab().toImage()
    assert painted != empty
    ratio = painted.width() / 100
    high, low = (painted.pixelColor(round(x * ratio), round(8 * ratio)) for x in (24, 34))
    assert high.red() > 200  # a certain slice reaches up there
    assert high.green() > 150
    assert low.saturation() < 40  # a doubtful one does not
    assert "90 %" in strip.tip(3) or "40 %" in strip.tip(3)
    assert "you said" in strip.tip(2)
    assert "not there" in strip.tip(9)
    strip.show_strip(Strip(10, {2: 0.9, 3: 0.4}, frozenset({2}), (1, 7), frozenset({3})))
    strip.show_at(6)
    assert strip.grab().toImage() != painted
    assert "daughters begin" in strip.tip(3)


def test_of_slices_that_share_a_pixel_the_least_certain_is_seen(qtbot):
    strip = SliceStrip()
    qtbot.addWidget(strip)
    strip.resize(100, strip.height())
    scores = {at: 0.3 if at == 201 else 0.95 for at in range(400)}
    strip.show_strip(Strip(400, scores, ends=(0, 399)))
    painted = strip.grab().toImage()
    ratio = painted.width() / 100
    sure, unsure = (painted.pixelColor(round(x * ratio), round(8 * ratio)) for x in (40.5, 50.5))
    assert sure.saturation() > 150
    assert unsure.saturation() < 40


def test_what_lies_beyond_an_end_is_hatched_in_the_colour_of_the_text(qtbot):
    strip = SliceStrip()
    qtbot.addWidget(strip)
    strip.resize(100, strip.height())
    palette = strip.palette()
    palette.setColor(palette.ColorRole.WindowText, QColor("#00ff00"))
    palette.setColor(palette.ColorRole.Text, QColor("#00ff00"))
    palette.setColor(palette.ColorRole.Window, QColor("#000000"))
    strip.setPalette(palette)
    strip.show_strip(Strip(10, ends=(0, 4)))
    painted = strip.grab().toImage()
    greens = [
        {painted.pixelColor(x, y).green() for x in range(low, low + 30) for y in range(2, 16)}
        for low in (10 * painted.width() // 100, 60 * painted.width() // 100)
    ]
    assert len(greens[0]) == 1
    assert max(greens[1]) > max(greens[0]) + 40


def test_buttons_say_why_they_cannot_be_pressed(qtbot):
    state = ThroughState()
    nothing = SimpleNamespace(state=state)
    names = ("set_on", "choose", "set_divisions", "go_to", "next_doubtful", "not_here")
    for name in (*names, "fill_between"):
        setattr(nothing, name, lambda *given: None)
    box = ThroughSwitch(nothing)
    qtbot.addWidget(box)
    assert box.isHidden()
    z = Further(0, "z", 9)
    state.axes, state.along, state.on = (z,), z, True
    assert not box.isHidden()
    assert not box.doubt.isEnabled()
    assert "Not now" in box.doubt.toolTip()
    assert box.fill.isEnabled()
    state.strip = Strip(9, {4: 0.8}, frozenset({4}), (0, 8))
    assert box.doubt.isEnabled()
    assert box.end.isEnabled()
    assert box.divisions.isHidden()  # nothing divides through slices
    state.axes = (time := Further(0, "t", 9, True),)
    state.along = time
    assert not box.divisions.isHidden()
    assert box.divisions.isChecked()
    state.divisions = False
    assert not box.divisions.isChecked()
    state.on = False
    assert box.divisions.isHidden()
