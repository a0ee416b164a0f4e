"""Find all, a word: it is typed, the button finds what it says, the slider acts at once."""

from __future__ import annotations

import numpy as np
import pytest

from concept_model import ConceptModel
from fake_model import blobs

IMAGE = np.concatenate([blobs(), blobs(centres=((30, 40),), radius=12)], axis=1)


@pytest.fixture
def shown(bench):
    bench.model = ConceptModel()
    bench.viewer.add_image(IMAGE, name="plate")
    bench.session.set_tool("find")
    bench.find.adjust(method="concept")
    bench.settle()
    return bench


def found(bench):
    return next(layer for layer in bench.viewer.layers if "found" in layer.name)


def test_a_word_is_found_and_the_slider_needs_no_model(shown):
    shown.find.adjust_options("concept", text="large")
    shown.find.start()
    shown.settle()
    assert set(np.unique(found(shown).data)) == {0, 1}
    assert found(shown).data[30, 120]
    shown.find.adjust_options("concept", min_score=0.2)
    shown.settle()
    assert len(np.unique(found(shown).data)) == 4
    assert len(shown.model.asked) == 1


def test_without_a_word_it_says_what_to_do(shown):
    shown.find.start()
    shown.settle()
    assert not shown.model.asked
    assert "a word" in shown.state.status
    assert shown.state.problem
    assert not [layer for layer in shown.viewer.layers if "found" in layer.name]


def test_a_word_is_typed_in_the_panel(shown, qtbot):
    from napari_sam.methods.registry import method
    from napari_sam.ui.widgets.option_controls import OptionControls

    controls = OptionControls(method("concept"), shown.state, shown.find)
    qtbot.addWidget(controls.basic)
    field = controls.controls["text"]
    assert field.placeholderText()
    field.setText("small")
    field.editingFinished.emit()
    assert shown.state.find.of("concept").text == "small"
    shown.find.reset()
    controls.show_options()
    assert field.text() == ""
