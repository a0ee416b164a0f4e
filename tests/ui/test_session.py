"""The path from a click to a label, without a window."""

from __future__ import annotations

import numpy as np

from fake_model import blobs


def test_click_then_enter_writes_the_cell(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.settle()
    bench.click(20, 20)
    bench.settle()
    assert len(bench.model.prompts) == 1
    assert bench.state.answer is not None
    bench.press("Enter")
    bench.settle()
    labels = bench.viewer.layers["nuclei cells"]
    assert labels.data[20, 20] == 1
    np.testing.assert_array_equal(labels.data > 0, (blobs() > 100) & (np.indices((64, 80))[1] < 40))
    assert "SAM preview" not in bench.names()
    bench.click(40, 60)
    bench.settle()
    bench.press("Enter")
    assert labels.data[40, 60] == 2
