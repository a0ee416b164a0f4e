"""Two or three layers of channels are worked on as the colours of one image, without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fake_model import blobs
from napari_sam.files.composed import Composed
from napari_sam.ui.layers.together import together

CENTRES = ((20, 20), (40, 60))
CELLS = blobs(centres=CENTRES).astype(np.uint16)
SPACE = {"scale": (0.5, 0.25), "translate": (3, -7), "units": ("um", "um")}


def channels(bench: Any, *names: str, pixels: Any = CELLS, **place: Any) -> list[Any]:
    return [
        bench.viewer.add_image(
            pixels * (1 + number), name=name, contrast_limits=(0, 200 * (1 + number)), **place
        )
        for number, name in enumerate(names)
    ]


def together_of(bench: Any) -> Any:
    bench.session.layers.see_together()
    bench.settle()
    return bench.state.image


def test_two_channels_are_seen_as_red_and_green_where_they_lie(bench):
    nuclei, _ = channels(bench, "nuclei", "membrane", **SPACE)
    image = together_of(bench)
    assert image.name == "nuclei + membrane"
    assert image.rgb
    assert isinstance(image.data, Composed)
    assert image.data[20, 20].tolist() == [255, 255, 0]
    np.testing.assert_array_equal(image.data_to_world((5, 9)), nuclei.data_to_world((5, 9)))
    assert image.units == nuclei.units
    for row, column in CENTRES:
        bench.click(*image.data_to_world((row, column)))
        bench.settle()
        bench.press("Enter")
        bench.settle()
    labels = bench.viewer.layers["nuclei + membrane cells"]
    np.testing.assert_array_equal(labels.data > 0, CELLS > 100)
    assert {"nuclei", "membrane"} <= set(bench.names())  # they stay as they are


def test_of_many_those_that_are_selected_are_meant(bench):
    made = channels(bench, *"abcd")
    assert "two or three" in (together_of(bench), bench.state.status)[1]
    assert bench.state.image is made[-1]
    bench.viewer.layers.selection = {made[3], made[1]}
    assert together_of(bench).name == "b + d"
    bench.viewer.layers.selection = set(made[:3])
    image = together_of(bench)
    assert image.data[20, 20].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    "place", [{"scale": (2, 2)}, {"translate": (1, 0)}, {"units": ("um",) * 2}]
)
def test_layers_that_lie_elsewhere_are_no_channels_of_each_other(bench, place):
    channels(bench, "a")
    (other,) = channels(bench, "b", **place)
    assert together_of(bench) is other
    assert "does not lie on 'a'" in bench.state.status
    assert bench.state.problem


class Counting:
    """A stack that counts the pixels that are read of it."""

    dtype, ndim = np.dtype(np.uint16), 3

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.shape, self.most = data, data.shape, 0

    def __getitem__(self, key: Any) -> np.ndarray:
        found = np.asarray(self.data[key])
        self.most = max(self.most, found.size)
        return found


@pytest.mark.parametrize("where", ["volume", "track"])
def test_stacks_are_searched_through_a_plane_at_a_time(bench, where):
    stack = np.stack([CELLS if 0 < z < 5 else np.full_like(CELLS, 10) for z in range(6)])
    watched = [Counting(stack), Counting(stack // 2)]
    for number, data in enumerate(watched):
        bench.viewer.add_image(data, name=f"c{number}", contrast_limits=(0, 200 // (1 + number)))
    together_of(bench)
    bench.find.look_in(where)
    bench.find.start()
    bench.settle()
    noun = "cells" if where == "volume" else "tracks"
    labels = bench.viewer.layers[f"c0 + c1 {noun} found"]
    np.testing.assert_array_equal(labels.data > 0, stack > 100)
    assert max(data.most for data in watched) == stack[0].size


def test_a_pyramid_of_each_is_a_pyramid_of_both(bench):
    levels = [CELLS, CELLS[::2, ::2], CELLS[::4, ::4]]
    made = [
        bench.viewer.add_image(levels[:count], name=str(count), multiscale=True) for count in (2, 3)
    ]
    image = together(made)
    assert [level.shape for level in image.data] == [(64, 80, 3), (32, 40, 3)]
