"""The Labels layer that a search writes into piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels

from edit_under_way import half_emptied
from napari_sam.ui.tools.growing_labels import GrowingLabels


def test_a_new_layer_is_shown_with_its_first_piece(bench: Any) -> None:
    layer = Labels(np.zeros((20, 30), np.int32), name="found")
    growing = GrowingLabels(bench.find.parts, layer, new=True)
    assert growing.lost() == ""  # it cannot be removed before it is there
    assert growing.document().sheet.pixels.shape == layer.data.shape
    assert growing.show()
    assert layer in bench.viewer.layers
    assert not growing.show()
    assert list(bench.viewer.layers).count(layer) == 1
    assert growing.lost() == ""


def test_it_says_why_nothing_can_be_written_any_more(bench: Any) -> None:
    there = bench.viewer.add_labels(np.zeros((20, 30), np.int32))
    growing = GrowingLabels(bench.find.parts, there, new=False)
    assert not growing.show()
    there.data = np.ones((20, 30), np.int32)
    assert growing.lost() == "The layer has other labels now."
    bench.viewer.layers.remove(there)
    assert growing.lost() == "The layer was removed."


def test_it_waits_for_an_edit_that_is_being_written(bench: Any, monkeypatch: Any) -> None:
    there = bench.viewer.add_labels(np.ones((3, 40, 50), np.int32))
    growing = GrowingLabels(bench.find.parts, there, new=False)
    growing.document()
    assert not growing.busy
    rest = half_emptied(bench, there, monkeypatch)
    assert growing.busy
    for _ in rest:
        pass
    assert not growing.busy
    assert not there.data.any()
