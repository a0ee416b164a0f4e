"""Marks that are taken away while napari draws slices in threads of its own.

A thread may still be drawing the points that go: then they go with their layer.
"""

from __future__ import annotations

import numpy as np
import pytest

from fake_model import blobs
from napari_sam.ui.layers import own_layers

CENTRES = [(20, 20), (20, 60), (44, 40)]


@pytest.fixture
def asynchronous(bench, monkeypatch):
    monkeypatch.setattr(own_layers, "drawn_in_threads", lambda: True)
    bench.viewer.add_image(blobs((64, 80), CENTRES, 6), name="nuclei")
    bench.settle()
    return bench


def test_the_marks_that_stay_are_on_a_layer_of_their_own(asynchronous):
    bench = asynchronous
    bench.click(20, 20)
    bench.click(40, 10, button=2)
    bench.click(22, 22)
    bench.settle()
    before = bench.viewer.layers["SAM points"]
    looks = list(before.symbol), np.array(before.face_color)
    bench.press("Control-Z")
    bench.settle()
    after = bench.viewer.layers["SAM points"]
    assert after is not before
    assert before not in bench.viewer.layers
    np.testing.assert_array_equal(after.data, [(20, 20), (40, 10)])
    assert list(after.symbol) == looks[0][:2]
    np.testing.assert_array_equal(after.face_color, looks[1][:2])
    assert bench.state.answer is not None


def test_no_mark_is_left_of_a_cell_that_is_kept(asynchronous):
    bench = asynchronous
    for kept, (row, column) in enumerate(CENTRES, 1):
        bench.click(row, column)
        bench.click(row + 2, column + 2)
        bench.settle()
        bench.press("Enter")
        bench.settle()
        assert bench.state.answer is None
        labels = bench.viewer.layers["nuclei cells"].data
        assert labels[row, column] == labels.max() == kept
        assert not [x for x in bench.viewer.layers if x.name == "SAM points" and len(x.data)]
