"""Reviewing in the real window, with the embedded model on a sample."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from scipy import ndimage as ndi

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QCheckBox

from napari_sam import samples
from napari_sam.loading import load_model
from real_window import Window

CTRL, ALT, SHIFT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


@pytest.fixture(scope="module")
def model():
    return load_model("cells", device="cpu")


@pytest.fixture
def window(make_napari_viewer, qtbot, model):
    """The coins, all found, on the Review page."""
    made = Window(make_napari_viewer(show=True), qtbot, model)
    for data, options, _ in samples.load_sample("coins"):
        made.image = made.viewer.add_image(data, **options)
    made.ready()
    made.panel.find_all()
    made.until(lambda: any("found" in layer.name for layer in made.viewer.layers))
    made.labels = next(layer for layer in made.viewer.layers if "found" in layer.name)
    made.panel.tool.button("review").click()
    made.until(lambda: len(made.session.tools["review"].state.objects) > 10)
    QTest.qWait(100)
    made.viewer.reset_view()  # the canvas has become narrower than it was
    yield made
    made.session.close()


def middle(labels: np.ndarray, object_id: int) -> tuple[int, int]:
    """The pixel of an object farthest from its border."""
    depth = ndi.distance_transform_edt(np.pad(labels == object_id, 1))[1:-1, 1:-1]
    return np.unravel_index(np.argmax(depth), labels.shape)


def test_delete_merge_split_add_correct_then_back_to_the_first_state_and_forth(window):
    labels, review = window.labels, window.session.tools["review"]
    states = [labels.data.copy()]
    one, two, three, four, five = review.state.objects.ids[[2, 5, 6, 9, 12]].tolist()

    def done():
        assert not np.array_equal(labels.data, states[-1])
        states.append(labels.data.copy())

    gone = middle(labels.data, one)
    window.click(labels, gone, modifier=CTRL)
    assert one not in labels.data
    done()
    window.drag(labels, [middle(labels.data, two), middle(labels.data, three)], ALT)
    assert three not in labels.data
    np.testing.assert_array_equal(labels.data == two, np.isin(states[0], (two, three)))
    done()
    row, column = middle(labels.data, four)
    window.drag(labels, [(row - 30, column), (row + 30, column)], SHIFT)
    halves = set(np.unique(labels.data[states[0] == four]).tolist())
    assert len(halves) == 2
    assert four in halves
    done()
    window.panel.pages["review"].action.button("add").click()
    window.click(labels, gone)
    window.until(lambda: window.session.state.answer is not None)
    window.press(Qt.Key.Key_Return)
    assert labels.data[gone] not in (0, one)
    done()
    window.panel.pages["review"].action.button("select").click()
    rows, columns = np.nonzero(labels.data == five)
    window.click(labels, middle(labels.data, five))
    assert review.state.selected == five
    window.panel.pages["review"].correct.click()
    edge = (int(rows.min()) + 3, int(columns[rows == rows.min()].mean()))
    window.click(labels, middle(labels.data, five))
    window.until(lambda: window.session.state.answer is not None)
    first = window.session.state.answer
    window.click(labels, edge, Qt.MouseButton.RightButton)
    window.until(lambda: window.session.state.answer is not first)
    window.panel.pages["review"].accept.click()
    assert (labels.data == five).any()
    done()
    assert window.session.tools["review"].state.correcting is None
    changed = states[-1] != states[-2]
    assert set(np.unique(states[-1][changed])) | set(np.unique(states[-2][changed])) == {0, five}

    for state in states[-2::-1]:
        window.press(Qt.Key.Key_Z, CTRL)
        np.testing.assert_array_equal(labels.data, state)
    assert not window.panel.pages["review"].undo.isEnabled()
    for state in states[1:]:
        window.press(Qt.Key.Key_Z, CTRL | SHIFT)
        np.testing.assert_array_equal(labels.data, state)
    assert not window.panel.pages["review"].redo.isEnabled()


def test_a_drag_that_edits_does_not_move_the_view(window):
    camera = window.viewer.scene.camera
    start = camera.center
    window.drag(window.labels, [(150, 150), (190, 220)])
    window.until(lambda: camera.center != start)  # napari reads it back when it draws
    QTest.qWait(200)
    before = (camera.center, camera.zoom)
    objects = window.session.tools["review"].state.objects.ids.tolist()
    window.drag(window.labels, [middle(window.labels.data, i) for i in objects[-2:]], ALT)
    assert objects[-1] not in window.labels.data
    QTest.qWait(200)
    assert (camera.center, camera.zoom) == before


def test_the_queue_the_sliders_and_the_colours_by_their_controls(window):
    page, state, labels = (
        window.panel.pages["review"],
        window.session.tools["review"].state,
        window.labels,
    )
    first, theirs = labels.data.copy(), labels.colormap
    scores = state.objects.values("score")
    page.next.click()
    assert state.selected == state.objects.ids[np.argmin(scores)]
    assert "SAM selection" in window.viewer.layers
    window.press(Qt.Key.Key_Return)
    assert page.progress.value() == 1
    assert "1 of" in page.progress.text()
    page.filters.expand(False)
    slider = page.sliders["area"].slider
    slider.setValue((0.5, 1.0))
    assert state.hidden > 0
    small = state.objects.ids[np.argmin(state.objects.values("area"))]
    assert labels.colormap.map(int(small))[3] == 0
    slider.setValue((0.0, 1.0))
    assert state.hidden == 0
    assert labels.colormap is theirs
    page.coloured.click()
    assert labels.colormap is not theirs
    page.coloured.click()
    assert labels.colormap is theirs
    slider.setValue((0.5, 1.0))
    page.remove.click()
    assert small not in labels.data
    assert state.hidden == 0
    page.undo.click()
    np.testing.assert_array_equal(labels.data, first)


def test_the_table_follows_the_canvas_and_the_canvas_the_table(window):
    review = window.session.tools["review"]
    window.panel.pages["review"].table.click()
    view = window.panel.pages["review"].dock.view
    model = view.model()
    assert model.rowCount() == len(review.state.objects)
    view.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    shares = [float(model.index(row, 1).data().strip(" %")) for row in range(model.rowCount())]
    assert shares == sorted(shares)
    object_id = int(review.state.objects.ids[4])
    window.click(window.labels, middle(window.labels.data, object_id))
    assert model.index(view.currentIndex().row(), 0).data() == str(object_id)
    index = model.index(0, 0)
    QTest.mouseClick(
        view.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        view.visualRect(index).center(),
    )
    if not view.visualRect(index).intersects(view.viewport().rect()):
        view.setCurrentIndex(index)
    assert review.state.selected == int(index.data())
    dock = view.parentWidget()
    assert dock.isVisible()
    window.panel.tool.button("click").click()
    assert window.panel.pages["review"].dock.view is None
    window.until(lambda: not dock.isVisible())


def test_the_page_fits_and_explains_itself(window):
    page = window.panel.pages["review"]
    window.panel.pages["review"].filters.expand(False)
    QApplication.processEvents()
    assert window.panel.minimumSizeHint().width() <= 330
    assert window.panel.minimumSizeHint().height() <= 700
    for button in (page.accept, page.reject, page.correct, page.undo, page.redo, page.remove):
        assert button.isEnabled() or "Not now:" in button.toolTip()
    assert all(box.toolTip() for box in page.findChildren(QCheckBox))


def test_the_brush_is_a_button_that_stays_down_while_it_is_in_use(window):
    page, review = window.panel.pages["review"], window.session.tools["review"]
    page.brush.click()
    assert window.session.state.pen == "brush"
    assert page.brush.isChecked()
    review.escape()
    assert window.session.state.pen == ""
    assert not page.brush.isChecked()
    assert page.width() <= window.panel.width()
