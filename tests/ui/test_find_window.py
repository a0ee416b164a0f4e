"""Find all in a real window: one button, sliders that act at once, and a real cancel."""

from __future__ import annotations

import os
import shlex
import sys
import threading

import numpy as np
import pytest

from fake_model import FakeModel, blobs
from napari_sam.progress import silent
from tiny_sam import tiny_sam

pytest.importorskip("qtpy")
pytest.importorskip("pytestqt")
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    pytest.skip("needs a display, such as Xvfb", allow_module_level=True)

from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QToolTip

LEFT = Qt.MouseButton.LeftButton
CENTRES = ((20, 20), (20, 60), (50, 40))


class SlowModel(FakeModel):
    """Waits for the test before each answer, and tells that it waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waits, self.go = threading.Event(), threading.Event()
        self.slow = False

    def predict_each(self, embedding, prompts, *, progress=lambda fraction: None):
        if self.slow:
            self.waits.set()
            self.go.wait(20)
        return super().predict_each(embedding, prompts, progress=progress)

    def instance_maps(self, embedding, *, diameter=None, region=None, progress=silent):
        progress(0.5)
        while self.slow and not self.go.wait(0.01):
            self.waits.set()
            progress(0.5)
        return super().instance_maps(embedding, diameter=diameter, region=region, progress=progress)


class Window:
    """A napari window with the panel on its Find all page."""

    def __init__(self, viewer, qtbot, load=None):
        from napari_sam.ui.widgets.panel import Panel

        self.viewer, self.qtbot = viewer, qtbot
        self.panel = Panel(viewer, load)
        viewer.window.add_dock_widget(self.panel, name="SAM for Biology", area="right")
        viewer.window.resize(1200, 800)
        QTest.mouseClick(self.panel.tool.button("find"), LEFT)
        self.page = self.panel.pages["find"]

    @property
    def state(self):
        return self.panel.session.state

    def until(self, condition) -> None:
        self.qtbot.waitUntil(condition, timeout=30_000)

    def pick(self, combo, text: str) -> None:
        """Choose an entry of a list as the arrow keys do."""
        QTest.keyClick(combo, Qt.Key.Key_Home)
        for _ in range(combo.count()):
            if combo.currentText() == text:
                return
            QTest.keyClick(combo, Qt.Key.Key_Down)
        raise AssertionError(f"{text!r} is not in the list")

    def press_find(self) -> None:
        self.until(self.page.find.isEnabled)
        QTest.mouseClick(self.page.find, LEFT)

    def find(self) -> None:
        """Press the button and wait for the result."""
        self.state.found_count = None
        self.press_find()
        self.until(lambda: self.state.found_count is not None and self.state.progress is None)


@pytest.fixture
def model():
    return SlowModel()


@pytest.fixture
def window(make_napari_viewer, qtbot, model):
    made = Window(make_napari_viewer(show=True), qtbot, lambda name, device: model)
    yield made
    model.slow = False
    model.go.set()
    made.panel.session.close()


def ids(labels) -> set[int]:
    return set(np.unique(labels.data)) - {0}


def test_a_sample_one_button_and_sliders_that_act_at_once(make_napari_viewer, qtbot):
    """With the embedded model, as a person would."""
    from napari.layers import Layer

    from napari_sam import samples

    window = Window(make_napari_viewer(show=True), qtbot)
    for layer in samples.load_sample("coins"):
        window.viewer.add_layer(Layer.create(*layer))
    window.press_find()
    window.until(lambda: window.state.found_count is not None)
    window.until(lambda: "coins cells found" in window.viewer.layers)
    count = window.state.found_count
    assert 20 <= count <= 30  # 24 coins
    labels = window.viewer.layers["coins cells found"]
    first = labels.data.copy()
    assert len(ids(labels)) == count
    assert window.page.options["cells"].controls["diameter"].text.startswith("≈")  # estimated
    slider = window.page.options["cells"].controls["min_score"].slider
    QTest.keyClick(slider, Qt.Key.Key_End)
    window.until(lambda: window.state.found_count < count)
    assert len(ids(labels)) == window.state.found_count
    assert window.page.count.text().startswith(str(window.state.found_count))
    QTest.mouseClick(window.page.reset, LEFT)
    window.until(lambda: window.state.found_count == count)
    np.testing.assert_array_equal(labels.data, first)
    window.panel.session.close()


def test_the_slider_follows_a_dragging_hand(window):
    window.viewer.add_image(blobs((64, 80), CENTRES, 6), name="nuclei")
    window.find()
    labels = window.viewer.layers["nuclei cells found"]
    slider = window.page.options["cells"].controls["min_area"].slider
    window.page.advanced.expand(animate=False)
    window.until(slider.isVisible)
    for _ in range(40):
        QTest.keyClick(slider, Qt.Key.Key_PageUp)
    window.until(lambda: window.state.found_count == 0)
    assert not labels.data.any()
    QTest.keyClick(slider, Qt.Key.Key_Home)
    window.until(lambda: window.state.found_count == 3)
    assert ids(labels) == {1, 2, 3}


def test_a_value_that_changes_keeps_its_room(window):
    """Another size would have the whole window laid out and painted again at each move."""
    diameter = window.page.options["cells"].controls["diameter"]
    window.until(diameter.slider.isVisible)
    asked = []

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.LayoutRequest:
                asked.append(watched)
            return False

    watch = Watch()
    QTest.qWait(100)
    diameter.installEventFilter(watch)
    texts = set()
    for _ in range(5):
        QTest.keyClick(diameter.slider, Qt.Key.Key_PageUp)
        QTest.qWait(10)
        texts.add(diameter.text)
    assert len(texts) == 5
    assert not asked
    value = diameter._value
    assert value.width() >= value.fontMetrics().horizontalAdvance("automatic")


def test_an_edited_layer_is_left_alone(window):
    window.viewer.add_image(blobs((64, 80), CENTRES, 6), name="nuclei")
    window.find()
    labels = window.viewer.layers["nuclei cells found"]
    labels.fill((20, 20), 9)
    edited = labels.data.copy()
    QTest.keyClick(window.page.options["cells"].controls["min_score"].slider, Qt.Key.Key_End)
    window.until(lambda: "edited" in window.panel.feedback.text)
    np.testing.assert_array_equal(labels.data, edited)


def test_rules_for_labels_that_are_there(window):
    window.viewer.add_image(blobs((64, 80), CENTRES, 6), name="nuclei")
    mine = window.viewer.add_labels(np.zeros((64, 80), np.int32), name="mine")
    mine.data_setitem((np.repeat(20, 10), np.arange(20, 30)), 5)
    before = mine.data.copy()
    assert not window.page.rule.isVisible()
    window.pick(window.page.merge, "mine")
    assert window.page.rule.isVisible()
    window.find()
    window.until(lambda: len(ids(mine)) == 4)
    np.testing.assert_array_equal(mine.data[before > 0], 5)
    window.pick(window.page.rule, "add whole new ones only")
    window.until(lambda: len(ids(mine)) == 3)
    window.pick(window.page.rule, "replace what is there")
    window.until(lambda: 5 not in ids(mine))
    assert len(ids(mine)) == 3
    mine.undo()
    np.testing.assert_array_equal(mine.data, before)


def test_only_the_visible_part(window):
    image = window.viewer.add_image(blobs((64, 80), CENTRES, 6), name="nuclei")
    window.viewer.scene.camera.center = (20, 20)
    window.viewer.scene.camera.zoom = 30
    window.until(lambda: image.corner_pixels[1].max() < 60)
    window.pick(window.page.region, "what is visible")
    window.find()
    assert window.state.found_count == 1
    assert window.viewer.layers["nuclei cells found"].data[20, 20] == 1


def test_all_slices_with_a_real_cancel(window, model):
    stack = np.stack([blobs((64, 80), CENTRES, 6)] * 5)
    window.viewer.add_image(stack, name="nuclei")
    window.pick(window.page.region, "all slices")
    assert "all slices" in window.page.find.text()
    assert "Not now:" in window.page.merge.toolTip()
    window.press_find()
    window.until(lambda: (window.state.found_count or 0) >= 3)
    model.slow = True
    window.until(model.waits.is_set)
    done = window.state.found_count
    assert window.panel.feedback.cancel.isVisible()
    QTest.mouseClick(window.panel.feedback.cancel, LEFT)
    assert "Stopped after" in window.panel.feedback.text
    assert not window.panel.feedback.cancel.isVisible()
    model.go.set()
    QTest.qWait(200)
    labels = window.viewer.layers["nuclei cells found"]
    assert ids(labels) == set(range(1, done + 1))
    assert not labels.data[-1].any()


def test_everything_with_a_real_cancel(window, model):
    window.viewer.add_image(blobs((64, 80), CENTRES, 6), name="nuclei")
    window.pick(window.page.method, "everything")
    assert window.page.options["everything"].basic.isVisible()
    assert not window.page.options["cells"].basic.isVisible()
    model.slow = True
    window.press_find()
    window.until(model.waits.is_set)
    QTest.mouseClick(window.panel.feedback.cancel, LEFT)
    model.go.set()
    asked = len(model.prompts)
    window.until(lambda: "Stopped" in window.panel.feedback.text)
    QTest.qWait(300)
    assert len(model.prompts) <= asked + 8  # the batch that was under way, of 1024 points
    assert [layer.name for layer in window.viewer.layers] == ["nuclei"]
    model.slow = False
    field = window.page.options["everything"].controls["min_area"]
    window.page.advanced.expand(animate=False)
    window.until(field.isVisible)
    field.selectAll()
    QTest.keyClicks(field, "50")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert window.state.find.of("everything").min_area == 50
    overlap = window.page.options["everything"].controls["box_nms_thresh"]
    before = window.state.find.of("everything").box_nms_thresh
    overlap.selectAll()
    QTest.keyClicks(overlap, "70")  # meant as per cent
    QTest.keyClick(overlap, Qt.Key.Key_Return)
    assert window.state.find.of("everything").box_nms_thresh == before
    assert QToolTip.isVisible()
    assert QToolTip.text() == "A number, 0 to 1."
    slider = window.page.options["everything"].controls["points_per_side"].slider
    QTest.keyClick(slider, Qt.Key.Key_Home)
    for _ in range(7):
        QTest.keyClick(slider, Qt.Key.Key_Right)
    for threshold in (
        window.page.options["everything"].controls["pred_iou_thresh"],
        window.page.options["everything"].controls["stability_score_thresh"],
    ):
        for _ in range(3):
            QTest.keyClick(threshold.slider, Qt.Key.Key_PageDown)
    window.find()
    objects = window.viewer.layers["nuclei objects found"]
    assert {objects.data[centre] for centre in CENTRES}.isdisjoint({0})
    asked = len(model.prompts)
    QTest.keyClick(
        window.page.options["everything"].controls["pred_iou_thresh"].slider, Qt.Key.Key_End
    )
    window.until(lambda: window.state.found_count == 0)
    assert not objects.data.any()
    assert len(model.prompts) == asked


def test_the_copied_command_line_says_what_is_chosen_in_the_window(window):
    from napari_sam.cli.app import build_parser
    from napari_sam.cli.method_flags import options_typed
    from napari_sam.methods.option import described
    from napari_sam.methods.registry import method

    window.viewer.add_image(blobs((64, 80), CENTRES, 6), name="nuclei")
    window.pick(window.page.method, "everything")
    suited = window.state.find.of("everything")
    window.page.advanced.expand(animate=False)
    window.until(lambda: window.page.command.height() > 10)  # layouts settle over some rounds
    field = window.page.options["everything"].controls["min_area"]
    field.selectAll()
    QTest.keyClicks(field, "50")
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClick(
        window.page.options["everything"].controls["pred_iou_thresh"].slider, Qt.Key.Key_PageDown
    )
    QTest.mouseClick(window.page.options["everything"].controls["ask_at"], LEFT, pos=QPoint(8, 8))
    QTest.mouseClick(window.page.command, LEFT)
    words = shlex.split(QApplication.clipboard().text())
    assert words[:3] == ["napari-sam", "segment", "IMAGE"]  # it was not opened from a file
    typed = options_typed(build_parser().parse_args(words[1:]))
    said = method("everything").suited(typed, window.state.suits)  # as it is run
    chosen = window.state.find.of("everything")
    assert (said.min_area, said.ask_at) == (50, "grid")  # `cells` begins where it sees objects
    assert said.pred_iou_thresh < suited.pred_iou_thresh
    for name, _, _ in described(said):
        assert getattr(said, name) == getattr(chosen, name), name


def test_a_real_sam_is_free_for_the_next_question_once_its_search_is_cancelled(
    make_napari_viewer, qtbot
):
    """With so many points that they would take an hour."""
    window = Window(make_napari_viewer(show=True), qtbot, lambda name, device: tiny_sam())
    session = window.panel.session
    window.viewer.add_image(blobs((64, 80), CENTRES, 6), name="nuclei")
    window.pick(window.page.method, "everything")
    session.tools["find"].adjust_options("everything", points_per_side=400)
    window.press_find()
    window.until(lambda: (window.state.progress or 0) > 0.61)  # it is asking about points
    QTest.mouseClick(window.panel.feedback.cancel, LEFT)
    assert "Stopped" in window.panel.feedback.text
    QTest.mouseClick(window.panel.tool.button("click"), LEFT)
    session.proposal.add_point(CENTRES[0], 1)
    window.until(lambda: window.state.answer is not None)
    assert window.state.found_count is None
    assert not any("found" in layer.name for layer in window.viewer.layers)
    session.close()


@pytest.mark.parametrize("method", ["cells", "everything"])
def test_the_page_fits_without_scrolling_however_much_is_open(window, method):
    window.viewer.add_image(np.stack([blobs()] * 2), name="nuclei")
    mine = window.viewer.add_labels(np.zeros((2, 64, 80), np.int32), name="mine")
    window.pick(window.page.method, method)
    window.pick(window.page.merge, mine.name)
    window.page.advanced.expand(animate=False)
    # Of 800, less titles; layouts settle over a few rounds of the event loop.
    window.until(lambda: window.panel.minimumSizeHint().height() <= 700)
    assert window.panel.minimumSizeHint().width() <= 330


def test_going_back_and_forth_between_the_methods_leaves_the_window_as_high_as_it_was(window):
    """A dock never gives back the room that its panel asked for, if only for a moment."""
    mine = window.viewer.add_labels(np.zeros((64, 80), np.int32), name="mine")
    window.viewer.add_image(blobs(), name="nuclei")
    window.viewer.window.resize(1280, 800)
    window.pick(window.page.merge, mine.name)
    window.page.advanced.expand(animate=False)
    for method in ("everything", "cells", "everything", "cells"):
        window.pick(window.page.method, method)
        QTest.qWait(300)
    assert window.viewer.window._qt_window.height() == 800


def test_sliders_are_long_enough_for_a_hand_and_lie_below_each_other(window):
    window.viewer.add_image(blobs(), name="nuclei")
    window.page.advanced.expand(animate=False)
    cells = window.page.options["cells"].controls
    all_of_them = [cells["diameter"], cells["sensitivity"], cells["splitting"], cells["max_area"]]
    window.until(lambda: min(one.slider.width() for one in all_of_them) >= 110)
    starts = [one.slider.mapTo(window.page, QPoint(0, 0)).x() for one in all_of_them]
    assert max(starts) - min(starts) <= 1  # the frame of the part that folds
