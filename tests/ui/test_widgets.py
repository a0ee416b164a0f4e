"""The small controls of the panel, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from fake_model import blobs
from napari_sam.methods.registry import methods
from napari_sam.ui.state import Chip
from napari_sam.ui.widgets.candidates import CandidateStrip
from napari_sam.ui.widgets.chip import ChipLabel
from napari_sam.ui.widgets.click_more import ClickMore
from napari_sam.ui.widgets.click_page import ClickPage
from napari_sam.ui.widgets.combos import LayerCombo
from napari_sam.ui.widgets.controls import NarrowButton, Segmented, ValueSlider, key_text
from napari_sam.ui.widgets.feedback import Feedback
from napari_sam.ui.widgets.find_page import FindPage
from napari_sam.ui.widgets.folder_row import FolderRow
from napari_sam.ui.widgets.folding import Folding
from napari_sam.ui.widgets.fonts import FollowsFont
from napari_sam.ui.widgets.histogram_slider import HistogramSlider
from napari_sam.ui.widgets.key_sheet import KeySheet, KeySheetButton
from napari_sam.ui.widgets.layouts import named, tight
from napari_sam.ui.widgets.object_dock import ObjectDock
from napari_sam.ui.widgets.object_view import ObjectView
from napari_sam.ui.widgets.option_controls import OptionControls
from napari_sam.ui.widgets.page import Layers
from napari_sam.ui.widgets.review_page import ReviewPage
from napari_sam.ui.widgets.scrolling import Scrolling
from napari_sam.ui.widgets.source_box import SourceBox


@pytest.fixture
def show(qtbot):
    def shown(widget):
        qtbot.addWidget(widget)
        with qtbot.waitExposed(widget):
            widget.show()
        return widget

    return shown


def test_names_stand_left_of_their_controls_without_a_margin(show):
    widget, controls, hidden = QWidget(), [QLabel("a"), QLabel("b")], QLabel("Rule")
    column = tight(QVBoxLayout(widget))
    column.addLayout(named([("Image", controls[0]), (hidden, controls[1])]))
    show(widget)
    name, first, second = (one.geometry() for one in (hidden, *controls))
    assert name.left() == 0
    assert name.right() < second.left()
    assert first.left() == second.left()
    assert 0 == first.top() < first.bottom() < second.top()


def test_pages_show_the_state_of_a_session(bench, show):
    click = show(ClickPage(bench.session, bench.cells))
    find = show(FindPage(bench.session, bench.find))
    review = show(ReviewPage(bench.session, bench.review))
    source = show(SourceBox(bench.session))
    assert isinstance(click.candidates, CandidateStrip)
    assert isinstance(click.more, ClickMore)
    assert isinstance(review.dock, ObjectDock)
    assert not click.accept.isEnabled()
    assert click.count.text() == "0 cells"
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.click(20, 20)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    assert click.count.text() == "1 cell"
    assert source.model.count() == 3
    bench.find.adjust(method="everything")
    assert find.find.text() == "Find everything on this slice"
    click.more.each_point.button(True).click()
    assert bench.state.each_point
    click.more.look.button(True).click()
    assert bench.state.filled


def test_pages_call_frames_of_a_movie_frames(bench, show):
    click = show(ClickPage(bench.session, bench.cells))
    find = show(FindPage(bench.session, bench.find))
    review = show(ReviewPage(bench.session, bench.review))
    bench.session.layers_changed.connect(lambda: find.show_layers(Layers.of(bench.session)))
    bench.viewer.add_image(np.stack([blobs()] * 3), name="movie", axis_labels=("t", "y", "x"))
    bench.viewer.add_labels(np.zeros((3, *blobs().shape), np.int32), name="mine")
    bench.settle()
    assert find.find.text() == "Find all cells on this frame"
    listed = [find.region.itemText(at) for at in range(find.region.count())]
    assert {"this frame", "all frames"} <= set(listed)
    bench.session.set_tool("review")
    bench.settle()
    assert review.cell.text() == "0 cells on this frame"
    assert "no cells on this frame" in review.accept.toolTip()
    assert "no region on this frame" in review.region.delete.toolTip()
    switch = click.through
    for shown in (switch.switch, switch.doubt, switch.end, switch.fill):
        assert "frame" in shown.toolTip()
        assert "slice" not in shown.toolTip()


def test_channels_together_stand_last_among_the_images(bench, show):
    source = show(SourceBox(bench.session))
    images = [bench.viewer.add_image(blobs(), name=name) for name in "abcd"]

    def listed() -> list[str]:
        source.show_images(images)
        return [source.image.itemText(at) for at in range(source.image.count())]

    assert listed() == [*"abcd", "channels together…"]
    source.image.activated.emit(4)
    assert "Select two or three images" in bench.state.status
    bench.viewer.layers.selection = set(images[:2])
    source.image.activated.emit(4)
    assert bench.state.image.name == "a + b"
    images = images[:1]
    assert listed() == ["a"]


def test_sliders_of_one_page_are_equally_long(bench, show):
    cells = next(method for method in methods() if method.name == "cells")
    controls = OptionControls(cells, bench.state, bench.find)
    both = QWidget()
    column = QVBoxLayout(both)
    column.addWidget(controls.basic)
    column.addWidget(controls.advanced)
    show(both)
    sliders = both.findChildren(ValueSlider)
    assert len({slider.slider.width() for slider in sliders}) == 1
    font = both.font()
    font.setPointSize(16)
    both.setFont(font)
    QTest.qWait(20)
    assert len({slider.slider.width() for slider in sliders}) == 1
    for slider in sliders:
        assert slider._value.width() >= slider._value.sizeHint().width()


class Fitted(FollowsFont, QLabel):
    def __init__(self) -> None:
        self.sizes: list[int] = []
        super().__init__("text")

    def fit(self) -> None:
        self.sizes.append(self.font().pointSize())


def test_a_widget_fits_itself_to_every_font_once_it_is_made(show):
    label = Fitted()
    show(label)
    label.setStyleSheet("QLabel { font-size: 19pt; }")
    assert label.sizes == []
    label.follow_font()
    label.setStyleSheet("QLabel { font-size: 23pt; }")
    assert label.sizes[0] == 19
    assert label.sizes[-1] == 23


def test_texts_have_room_in_the_font_that_comes_with_a_style(bench, show):
    """As when napari's font is a large one, which its style sets after the panel was made."""
    panel = QWidget()
    column = QVBoxLayout(panel)
    slider = HistogramSlider("Certainty", "tip", lambda value: f"{value:.0%}")
    slider.show_values(np.array([0.7, 1.0]))
    source, folder = SourceBox(bench.session), FolderRow(bench.session)
    pages = [
        ClickPage(bench.session, bench.session.tools["click"]),
        ReviewPage(bench.session, bench.session.tools["review"]),
    ]
    keys = KeySheetButton(panel)
    for widget in (source, folder, slider, *pages, keys):
        column.addWidget(widget)
    show(panel)
    panel.setStyleSheet("QLabel, QPushButton { font-size: 23pt; }")
    QTest.qWait(20)
    narrow = panel.findChildren(NarrowButton)
    assert {button.text_alone for button in narrow} >= {"Scribble", "Correct"}
    for widget in (*narrow, *slider.findChildren(QLabel)):
        assert widget.font().pointSize() == 23
        assert widget.width() >= widget.fontMetrics().horizontalAdvance(widget.text())
    for button in (source.folder, folder.leave, folder.previous, folder.following, keys):
        assert button.font().pointSize() == 23


def test_a_list_of_choices_uses_its_own_keys_alone(show):
    combo = show(LayerCombo("tip", "none"))
    combo.fixed = [("a", "apples"), ("n", "nuts"), ("b", "beets")]
    combo.show_layers([], "a")
    QTest.keyClick(combo, Qt.Key.Key_N)
    assert combo.currentText() == "apples"
    QTest.keyClick(combo, Qt.Key.Key_Down)
    assert combo.currentText() == "nuts"


def test_a_name_too_long_for_its_list_loses_its_middle(show, qtbot):
    combo = show(LayerCombo("tip", "none"))
    width = 40 * combo.fontMetrics().horizontalAdvance("0")
    combo.setFixedWidth(width)
    qtbot.waitUntil(lambda: combo.width() == width)
    combo.fixed = [(k, f"20240312_experiment7_plate2_position003_t30_channel{k}.tif") for k in "01"]
    for chosen in "01":
        combo.show_layers([], chosen)
        QTest.qWait(1)
        shown = combo.shown_text()
        assert "…" in shown
        assert (shown[:4], shown[-5:]) == ("2024", f"{chosen}.tif")
        assert combo.fontMetrics().horizontalAdvance(shown) < combo.width()
    combo.fixed = [("a", "apples")]
    combo.show_layers([], "a")
    assert combo.shown_text() == "apples"


def test_what_has_no_room_is_scrolled_to_and_never_cut_at_the_side(show):
    inner = QLabel("a wide text, with a line for each of its words".replace(" ", "\n" * 9))
    inner.setMinimumWidth(420)
    area = show(Scrolling(inner))
    area.resize(100, 100)
    QTest.qWait(20)
    assert area.minimumSizeHint().width() >= 420
    assert area.verticalScrollBar().maximum() > 0
    assert area.minimumSizeHint().height() < 200


def test_signs_and_texts(show):
    chip = show(ChipLabel())
    chip.show_chip(Chip("ready", "ready"))
    assert "ready" in chip.text()
    pressed = []
    feedback = show(Feedback(lambda: pressed.append(1)))
    feedback.show_status("Click a cell.", False)
    feedback.show_progress(0.5)
    feedback.cancel.click()
    assert (feedback.text, pressed) == ("Click a cell.", [1])
    folding = show(Folding("More", "tip", QLabel("inner")))
    assert not folding.isExpanded()
    choice = show(Segmented([(1, "one", ""), (2, "two", "")]))
    chosen = []
    choice.chosen.connect(chosen.append)
    choice.button(2).click()
    assert chosen == [2]


def test_a_range_has_no_limits_until_a_handle_is_moved(show):
    slider = show(HistogramSlider("Area", "tip", str))
    slider.show_values(np.array([1.0, 2.0, 5.0]))
    assert slider.limits() is None
    slider.slider.setValue((0.25, 1.0))
    low, high = slider.limits()
    assert (low, high) == (2.0, np.inf)


def test_the_table_lists_the_objects_of_the_slice(bench, show):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.viewer.add_labels((blobs() > 0).astype(int), name="mine")
    bench.session.set_tool("review")
    bench.settle()
    view = show(ObjectView(bench.review))
    assert view.model().rowCount() == 1
    view.close_view()


def test_headings_of_the_table_are_not_cut_where_there_is_little_room(bench, show):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.viewer.add_labels((blobs() > 0).astype(int), name="mine")
    bench.session.set_tool("review")
    bench.settle()
    view = show(ObjectView(bench.review))
    header = view.horizontalHeader()
    for width in (200, 1500):
        view.resize(width, 150)
        QApplication.processEvents()
        for k in range(header.count()):
            assert header.sectionSize(k) >= header.sectionSizeHint(k)
        assert header.length() >= view.viewport().width()
    view.close_view()


def test_the_sheet_of_keys_spells_keys_and_leaves_gestures(show):
    parent = show(QWidget())
    sheet = KeySheet("Click", [("Shift + click", "next"), ("Ctrl+Z", "undo")], parent)
    assert sheet.texts[0] == ("Shift + click", "next")
    assert sheet.texts[1] == (key_text("Ctrl+Z"), "undo")
    assert sheet.texts[-1][0] == "?"


def test_models_that_suit_the_image_are_marked_and_nothing_else_happens(bench, show, monkeypatch):
    monkeypatch.setattr(bench.catalogue, "names", lambda: ["cells", "sam2.1_tiny"])
    source = show(SourceBox(bench.session))
    assert source.model.itemText(1) == "sam2.1_tiny"
    bench.viewer.add_image(np.zeros((3, 30, 40)), name="stack")
    source.show_model()
    assert [source.model.itemText(place) for place in range(2)] == [
        "cells",
        "sam2.1_tiny (suits this image)",
    ]
    assert "slices" in source.model.itemData(1, Qt.ItemDataRole.ToolTipRole)
    for path, title in (
        ("/of/mine/a.pth", "a.pth"),
        ("/of/b/b.pth", "b.pth"),
        ("/of/sam3/model.safetensors", "sam3"),
    ):
        bench.session.models.choose(path)
        source.show_model()
        assert source.model.currentText() == title
    bench.session.models.choose("cells")
    assert bench.state.model == "cells"
