"""What Find all wrote is taken back and done again by the keys of the window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fake_model import blobs
from napari_sam.ui.tools.find_steps import FindSteps

DISCS = blobs((60, 80), ((20, 20), (40, 60)), 5)
STACK = np.stack([DISCS] * 4)


def found_in_stack(bench: Any) -> Any:
    bench.viewer.add_image(STACK, name="seen")
    bench.settle()
    bench.find.look_in("volume")
    bench.find.start()
    bench.settle()
    return bench.viewer.layers["seen cells found"]


def test_the_keys_of_the_window_undo_and_redo_while_the_image_is_active(bench: Any) -> None:
    layer = found_in_stack(bench)
    after, rows = layer.data.copy(), len(layer.features)
    assert bench.viewer.layers.selection.active.name == "seen"
    assert "Undo takes all of it back" in bench.state.status
    bench.press("Control-Z")
    bench.settle()
    assert not layer.data.any()
    assert not len(layer.features)
    assert "Took back" in bench.state.status
    bench.press("Control-Shift-Z")
    bench.settle()
    np.testing.assert_array_equal(layer.data, after)
    assert len(layer.features) == rows
    bench.press("Control-Shift-Z")
    assert "nothing to do again" in bench.state.status


@pytest.mark.parametrize("on", ["image", "labels"])
def test_labels_of_the_person_have_their_own_steps(bench: Any, on: str) -> None:
    """Where they are active, their steps come first; where they are not, the newest does."""
    layer = found_in_stack(bench)
    mine = bench.viewer.add_labels(np.zeros(STACK.shape, np.int32), name="mine")
    mine.paint((0, 30, 30), 7)
    assert (mine.data == 7).any()
    assert layer.data.any()
    bench.viewer.layers.selection.active = mine if on == "labels" else bench.viewer.layers["seen"]
    bench.press("Control-Z")
    bench.settle()
    assert (mine.data == 7).any() == (on == "image")
    assert layer.data.any() == (on == "labels")


def test_a_box_around_an_example_goes_before_what_was_found(bench: Any) -> None:
    class Boxes:
        own, gone = bench.viewer.add_shapes(name="examples"), 0

        def undo(self) -> None:
            self.gone += 1

    boxes = Boxes()
    layer = found_in_stack(bench)
    steps = FindSteps(bench.find.parts, boxes)  # type: ignore[arg-type]
    bench.viewer.layers.selection.active = boxes.own
    steps.keys()["Control-Z"]()
    assert boxes.gone == 1
    assert layer.data.any()
    bench.viewer.layers.selection.active = bench.viewer.layers["seen"]
    steps.keys()["Control-Z"]()
    bench.settle()
    assert boxes.gone == 1
    assert not layer.data.any()
