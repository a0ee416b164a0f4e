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


@pytest.mark.parametrize(("layer", "may"), [("omp", True), ("tbb", True), ("workqueue", False)])
def test_colours_are_mapped_once_beside_the_window_where_they_may(monkeypatch, layer, may):
    """Two threads at once on Numba's work queue would end Python."""
    numba = pytest.importorskip("numba")
    mapped = []
    asked = threading.Event()

    def used() -> str:
        asked.set()
        return layer

    monkeypatch.setattr(numba, "threading_layer", used)
    monkeypatch.setattr(
        warming, "map_colours", lambda: mapped.append(threading.current_thread().name)
    )
    warm = Warming(ManualLoop(), threaded=True)
    warm.colours()
    assert asked.wait(20)
    warm.colours()
    warm.close()
    assert mapped == ["napari-sam warming"] * may


def test_without_a_thread_nothing_is_mapped(monkeypatch):
    monkeypatch.setattr(warming, "map_colours", pytest.fail)
    warm = Warming(ManualLoop(), threaded=False)
    warm.colours()
    warm.close()


def test_a_table_of_colours_can_be_mapped():
    warming.map_colours()


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


def test_only_the_first_window_of_a_process_makes_layers(make_bench, monkeypatch):
    """What they warm is there for the next one; its image would wait for them all the same."""
    monkeypatch.setattr(Warming, "_layers_made", False)
    painted = []
    for name in ("first", "second"):
        bench = make_bench(ViewerModel())
        bench.session.warm_window(lambda: painted.append("no image"))
        bench.viewer.add_image(blobs(), name=name)
        bench.settle()
        bench.session.warm_window(lambda bench=bench: painted.append(bench.names()[0]))
    assert painted == ["first"]


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
