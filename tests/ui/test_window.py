"""The real window: real mouse clicks on the real canvas, real keys, real docks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

from fake_model import blobs

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QAbstractSlider, QApplication, QComboBox, QScrollBar

from real_window import CENTRE, STACK, Window


@pytest.fixture
def window(make_napari_viewer, qtbot, monkeypatch):
    monkeypatch.setattr("napari_sam.ui.proposing.proposal._LINGER", 500)  # nobody looks at them
    made = Window(make_napari_viewer(show=True), qtbot)
    yield made
    made.session.close()


def test_a_real_click_on_a_scaled_translated_stack_labels_the_right_voxels(window):
    layer = window.add_stack()
    window.click(layer, CENTRE)
    window.until(lambda: window.session.state.answer is not None)
    window.press(Qt.Key.Key_Return)
    window.until(lambda: "stack cells" in window.viewer.layers)
    labels = window.viewer.layers["stack cells"]
    expected = np.zeros(STACK.shape, bool)
    expected[3, :, 40:] = STACK[3, :, 40:] > 100
    np.testing.assert_array_equal(labels.data > 0, expected)
    assert not window.viewer.layers["SAM preview"].visible
    window.until(lambda: "SAM preview" not in window.viewer.layers)


def test_an_image_that_is_removed_takes_the_mark_on_it_out_of_sight_at_once(window):
    """Mesa's software renderer ends the process when it draws points whose image has gone."""
    layer = window.add_stack()
    window.click(layer, CENTRE)
    window.until(lambda: window.session.state.answer is not None)
    window.viewer.layers.remove(layer)
    assert not any(one.visible for one in window.viewer.layers)
    window.until(lambda: not window.viewer.layers)


def test_a_click_with_shift_keeps_the_cell_before_it_and_a_sheet_names_the_keys(window):
    layer = window.add_stack()
    window.click(layer, CENTRE)
    window.until(lambda: window.session.state.answer is not None)
    window.click(layer, (3, 44, 20), modifier=Qt.KeyboardModifier.ShiftModifier)
    window.until(lambda: "stack cells" in window.viewer.layers)
    assert window.viewer.layers["stack cells"].data[CENTRE] == 1
    window.until(lambda: window.panel.pages["click"].count.text() == "1 cell")
    QTest.mouseClick(window.panel.keys, Qt.MouseButton.LeftButton)
    sheet = window.panel.keys.sheet
    spelt = window.panel.keys.shortcut.keys()
    assert "?" in [key.toString() for key in spelt]
    assert ("Right click", "not this") in sheet.texts
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    window.until(lambda: window.panel.keys.sheet is None)


def test_right_click_undo_and_candidates_by_real_input(window):
    layer = window.add_stack()
    window.click(layer, CENTRE)
    window.until(lambda: window.session.state.answer is not None)
    first = window.session.state.answer
    assert window.panel.pages["click"].accept.isEnabled()
    window.click(layer, (3, 20, 55), Qt.MouseButton.RightButton)
    window.until(lambda: window.session.state.answer is not first)
    assert window.model.prompts[-1].labels.tolist() == [1, 0]
    window.press(Qt.Key.Key_2)
    assert window.session.state.choice == 1
    assert window.panel.pages["click"].candidates.buttons[1].isChecked()
    window.press(Qt.Key.Key_N)
    assert window.session.state.choice == 2
    window.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    window.until(lambda: len(window.model.prompts) == 3)
    assert window.model.prompts[-1].labels.tolist() == [1]
    window.press(Qt.Key.Key_Escape)
    window.until(lambda: [la.name for la in window.viewer.layers] == ["stack"])


def test_a_box_dragged_for_real_makes_a_cell(window):
    layer = window.add_stack()
    window.panel.pages["click"].pens.boxes.click()
    start, stop = window.position(layer, (3, 10, 40)), window.position(layer, (3, 30, 60))
    native = window.canvas.native
    QTest.mousePress(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    for step in (0.3, 0.6, 1.0):
        QTest.mouseMove(native, start + (stop - start) * step)
        QTest.qWait(20)
    QTest.mouseRelease(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, stop)
    drawn = pytest.approx((10, 40, 30, 60), abs=1.0)  # half of it is asked about while it grows
    window.until(lambda: window.model.prompts and window.model.prompts[-1].box == drawn)
    window.press(Qt.Key.Key_Return)
    window.until(lambda: "stack cells" in window.viewer.layers)
    assert window.viewer.layers["stack cells"].data[CENTRE] == 1


def test_the_mask_under_the_cursor_is_shown_on_demand(window):
    layer = window.add_stack()
    window.panel.pages["click"].more.hover.setChecked(True)
    QTest.mouseMove(window.canvas.native, window.position(layer, (3, 5, 5)))
    QTest.mouseMove(window.canvas.native, window.position(layer, CENTRE))
    window.until(lambda: "SAM preview" in window.viewer.layers)
    assert window.session.state.answer is None
    window.panel.pages["click"].more.hover.setChecked(False)
    window.until(lambda: "SAM preview" not in window.viewer.layers)


def test_find_all_by_its_button(window):
    window.add_stack()
    window.panel.show_page("find")
    window.panel.pages["find"].find.click()
    window.until(lambda: window.session.state.found_count is not None)
    assert window.session.state.found_count == 2
    found = window.viewer.layers["stack cells found"]
    assert found.data[CENTRE] > 0
    assert not found.data[:3].any()
    assert "2 cells" in window.panel.pages["find"].count.text()


def test_the_panel_opens_from_the_plugin_menu(make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.add_image(blobs(), name="nuclei")
    _, panel = viewer.window.add_plugin_dock_widget("napari-sam-bio", "Segment cells")
    assert panel.session.state.image is viewer.layers["nuclei"]
    panel.session.close()


def test_closing_the_dock_leaves_nothing(window):
    layer = window.add_stack()
    window.click(layer, CENTRE)
    window.until(lambda: window.session.state.answer is not None)
    window.viewer.window.remove_dock_widget(window.dock)
    window.until(lambda: not window.session.is_open)
    assert [la.name for la in window.viewer.layers] == ["stack"]
    drags = window.viewer.mouse_drag_callbacks
    assert not [one for one in drags if one.__module__.startswith("napari_sam")]
    assert not window.viewer.keymap
    assert not layer.keymap
    assert not [t for t in threading.enumerate() if t.name.startswith("napari-sam")]
    window.click(layer, CENTRE)
    QTest.qWait(100)
    assert [la.name for la in window.viewer.layers] == ["stack"]


def test_a_panel_behind_another_tab_neither_clicks_nor_types(window):
    layer = window.add_stack()
    qt_window, layer_list = window.viewer.window._qt_window, window.viewer.window._qt_viewer
    qt_window.tabifyDockWidget(layer_list.dockLayerList, window.dock)
    layer_list.dockLayerList.raise_()
    window.until(lambda: not window.viewer.keymap)
    window.click(layer, CENTRE)
    window.press(Qt.Key.Key_Return)
    QTest.qWait(100)
    assert [la.name for la in window.viewer.layers] == ["stack"]
    window.dock.raise_()
    window.until(lambda: bool(window.viewer.keymap))
    window.dock.setFloating(True)
    QTest.qWait(100)
    assert window.viewer.keymap
    window.click(layer, CENTRE)
    window.until(lambda: window.session.state.answer is not None)
    window.dock.hide()
    window.until(lambda: not window.viewer.keymap)
    window.dock.show()
    window.until(lambda: bool(window.viewer.keymap))


def test_closing_the_viewer_while_it_reads_leaves_no_thread(window):
    window.model.gate = threading.Event()
    window.viewer.add_image(blobs())
    window.until(lambda: window.session.state.progress is not None)
    window.viewer.close()
    window.until(lambda: not window.session.is_open)
    assert not [t for t in threading.enumerate() if t.name.startswith("napari-sam")]


def test_two_windows_are_independent(make_napari_viewer, qtbot):
    one = Window(make_napari_viewer(show=True), qtbot)
    two = Window(make_napari_viewer(show=True), qtbot)
    one.add_stack()
    layer = two.add_stack()
    two.click(layer, CENTRE)
    two.until(lambda: two.session.state.answer is not None)
    assert one.session.state.answer is None
    assert len(one.viewer.layers) == 1
    one.session.close()
    two.press(Qt.Key.Key_Return)
    two.until(lambda: "stack cells" in two.viewer.layers)
    two.session.close()


def test_the_panel_fits_and_every_control_explains_itself(window):
    window.add_stack()
    QApplication.processEvents()
    assert window.panel.minimumSizeHint().width() <= 330
    assert window.panel.minimumSizeHint().height() <= 700  # of 800, less title and menu
    kinds = (QAbstractButton, QComboBox, QAbstractSlider)
    controls = [c for kind in kinds for c in window.panel.findChildren(kind)]
    assert len(controls) > 20
    for control in controls:
        if isinstance(control, QScrollBar):  # of a list that unfolds
            continue
        assert control.toolTip(), control
        assert control.isEnabled() or "Not now:" in control.toolTip(), control


def test_a_page_scrolls_no_further_than_it_is_high(window):
    """Other pages may be higher; what is below this one is nothing to look for."""
    window.add_stack()
    window.viewer.window.resize(900, 540)
    for name in window.panel.pages:
        window.panel.tool.button(name).click()
        page, area = window.panel.pages[name], window.panel._scroll

        def fits(page=page, area=area) -> bool:
            needed = page.minimumSizeHint().height() + 4  # with a frame
            return area.verticalScrollBar().maximum() <= max(0, needed - area.viewport().height())

        window.until(fits)


def test_the_empty_panel_says_what_to_do(window):
    window.until(lambda: "Open an image" in window.panel.feedback.text)
    assert "Open Sample" in window.panel.feedback.text
    assert not window.panel.pages["click"].accept.isEnabled()
    assert "Not now:" in window.panel.pages["click"].accept.toolTip()


def test_a_layer_that_comes_or_goes_is_listed_or_not(window):
    window.add_stack()
    labels = window.viewer.add_labels(np.zeros(STACK.shape, int), name="mine")
    combo = window.panel.pages["click"].target
    assert [combo.itemText(i) for i in range(combo.count())] == ["new labels", "mine"]
    labels.name = "renamed"
    assert combo.itemText(1) == "renamed"
    window.viewer.layers.remove(labels)
    assert combo.count() == 1


@pytest.mark.skipif(shutil.which("xdotool") is None, reason="needs xdotool")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs X11")
def test_a_click_of_the_real_pointer_arrives(window):
    layer = window.add_stack()
    window.viewer.window.activate()
    QTest.qWait(200)
    place = window.canvas.native.mapToGlobal(window.position(layer, CENTRE))
    place *= window.canvas.native.devicePixelRatioF()
    move = ["mousemove", str(place.x()), str(place.y())]
    subprocess.run(["xdotool", *move, "sleep", "0.2", "click", "1"], check=True, timeout=20)
    window.until(lambda: window.session.state.answer is not None)
    window.press(Qt.Key.Key_Return)
    window.until(lambda: "stack cells" in window.viewer.layers)
    assert window.viewer.layers["stack cells"].data[CENTRE] == 1


def test_undo_and_clear_can_be_pressed_only_when_they_do_something(window):
    page, layer = window.panel.pages["click"], window.add_stack()
    assert not page.undo.isEnabled()
    assert not page.clear.isEnabled()
    assert "Not now:" in page.undo.toolTip()
    window.click(layer, CENTRE)
    assert page.undo.isEnabled()
    assert page.clear.isEnabled()
    window.until(lambda: window.session.state.answer is not None)
    window.press(Qt.Key.Key_Return)
    window.until(lambda: not page.clear.isEnabled())
    assert page.undo.isEnabled()
    QTest.mouseClick(page.undo, Qt.MouseButton.LeftButton)  # the mark comes back
    window.until(page.clear.isEnabled)
    QTest.mouseClick(page.undo, Qt.MouseButton.LeftButton)
    window.until(lambda: not page.undo.isEnabled())
    assert not page.clear.isEnabled()
    assert not window.viewer.layers["stack cells"].data.any()


def test_a_kept_cell_whose_layer_is_gone_cannot_be_undone(window):
    page, layer = window.panel.pages["click"], window.add_stack()
    window.click(layer, CENTRE)
    window.until(lambda: window.session.state.answer is not None)
    window.press(Qt.Key.Key_Return)
    window.viewer.layers.remove("stack cells")
    window.until(lambda: not page.undo.isEnabled())


def test_a_cell_can_be_clicked_while_boxes_are_drawn(window):
    """Else the panel says "click the next cell", and a click leaves a speck and no mask."""
    layer = window.add_stack()
    boxes = window.panel.pages["click"].pens.boxes
    QTest.mouseClick(boxes, Qt.MouseButton.LeftButton)
    assert boxes.isChecked()
    window.click(layer, CENTRE)
    window.until(lambda: window.session.state.answer is not None)
    np.testing.assert_allclose(window.model.prompts[-1].points, [CENTRE[1:]], atol=1)
    assert len(window.model.prompts[-1].boxes) == 0
    window.click(layer, (3, 20, 55), Qt.MouseButton.RightButton)
    window.until(lambda: window.model.prompts[-1].labels.tolist() == [1, 0])
    window.until(lambda: len(window.viewer.layers["SAM shapes"].data) == 0)  # no specks


def test_a_click_leaves_a_box_that_is_tiny_at_this_zoom(window):
    layer = window.add_stack()
    window.panel.pages["click"].pens.boxes.click()
    boxes = window.viewer.layers["SAM shapes"]
    boxes.add_rectangles(np.array([[[3, r, c] for r, c in ((8, 8), (8, 11), (11, 11), (11, 8))]]))
    window.viewer.scene.camera.zoom = 1
    window.click(layer, CENTRE)
    window.until(lambda: window.session.state.answer is not None)
    window.until(lambda: len(boxes.data) == 1)
    assert np.ptp(boxes.data[0], axis=0).max() == 3


def test_the_boxes_button_stops_drawing_and_so_does_another_page(window):
    window.add_stack()
    boxes = window.panel.pages["click"].pens.boxes
    for leave in (boxes.click, window.panel.tool.button("review").click):
        boxes.click()
        layer = window.viewer.layers["SAM shapes"]
        assert (layer.mode, boxes.isChecked()) == ("add_rectangle", True)
        leave()
        assert (layer.mode, boxes.isChecked()) == ("pan_zoom", False)
        window.panel.tool.button("click").click()
    layer.mode = "add_rectangle"  # with napari's own button
    assert boxes.isChecked()
    window.viewer.layers.selection.active = window.viewer.layers["stack"]
    assert not boxes.isChecked()
