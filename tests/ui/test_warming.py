"""What napari compiles and makes at first is not left to the first click, and leaves no trace."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

from fake_model import blobs
from napari_sam.ui.canvas import warming
from napari_sam.ui.canvas.warming import Warming, make_layers
from napari_sam.ui.layers.ours import OurLayers
from napari_sam.ui.loops import ManualLoop


@pytest.mark.parametrize("draw", ["draw_labels", "draw_colours"])
def test_each_kind_is_drawn_once_beside_the_window(monkeypatch, draw):
    drawn = []
    done = threading.Event()

    def note() -> None:
        drawn.append(threading.current_thread().name)
        done.set()

    monkeypatch.setattr(warming, draw, note)
    warm = Warming(ManualLoop(), threaded=True)
    ask = warm.labels if draw == "draw_labels" else warm.colours
    ask()
    assert done.wait(20)
    ask()
    warm.close()
    assert drawn == ["napari-sam warming"]


def test_without_a_thread_nothing_is_drawn(monkeypatch):
    monkeypatch.setattr(warming, "draw_labels", pytest.fail)
    warm = Warming(ManualLoop(), threaded=False)
    warm.labels()
    warm.close()


@pytest.mark.parametrize("fails", [False, True])
def test_layers_that_are_only_made_leave_no_trace(fails):
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((3, 20, 30)), name="image", scale=(2, 1, 1), units=["um"] * 3)
    before = (
        viewer.dims.model_dump(),
        viewer.scene.camera.model_dump(),
        set(viewer.layers.selection),
    )
    painted = []

    def paint() -> None:
        painted.append(len(viewer.layers))
        assert viewer.layers.extent.units == image.units  # else napari warns
        if fails:
            raise RuntimeError("no such driver")

    make_layers(OurLayers(viewer), image, paint)
    assert painted == [3]
    assert list(viewer.layers) == [image]
    after = (
        viewer.dims.model_dump(),
        viewer.scene.camera.model_dump(),
        set(viewer.layers.selection),
    )
    assert before == after


def test_colours_of_the_preview_need_no_compiled_code(bench):
    """A direct colour map does, for a second or two at the first click."""
    bench.viewer.add_image(blobs(), name="image")
    bench.settle()
    bench.click(20, 50)
    bench.settle()
    preview = bench.viewer.layers["SAM preview"]
    assert isinstance(preview, Labels)
    assert type(preview.colormap).__name__ == "CyclicLabelColormap"
    colours = [preview.get_color(number) for number in range(1, 7)]
    assert len({tuple(colour) for colour in colours}) == 6
    assert preview.get_color(0) is None
    assert preview.colormap.map(np.zeros((1, 1), np.uint8))[..., 3].max() == 0
