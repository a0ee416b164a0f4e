"""Two or three layers of channels are worked on as the colours of one image, without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fake_model import blobs
from napari_sam.files.composed import Composed
from napari_sam.ui.layers.channels import FollowedChannels
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


ELSEWHERE = blobs(centres=((50, 15),), radius=9).astype(np.uint16)


def area(bench: Any) -> int:
    """Pixels of the cell that is proposed."""
    bench.settle()
    return bench.state.answer.regions(0)[0].area


def test_a_channel_that_a_script_edits_is_looked_at_anew(bench):
    one, two = channels(bench, "a", "b", pixels=CELLS.copy())
    image = together_of(bench)
    bench.click(20, 20)
    before = area(bench)
    drawn = []
    image.events.set_data.connect(drawn.append)
    for channel in (one, two):
        channel.data[14:32, 14:32] = channel.data.max()
        channel.refresh()
    assert area(bench) > 2 * before
    assert len(drawn) == 1  # on the screen, too
    one.visible = two.visible = False
    one.data[:], two.data[:] = CELLS, 2 * CELLS
    one.visible = two.visible = True  # what is hidden is drawn when it is shown
    assert area(bench) == before


def test_going_to_another_slice_draws_each_once(bench):
    channels(bench, "a", "b", pixels=np.stack([CELLS] * 4))
    image = together_of(bench)
    drawn = []
    image.events.set_data.connect(lambda event: drawn.append(bench.viewer.dims.point[0]))
    for at in (0, 2, 3):
        bench.viewer.dims.set_point(0, at)
        bench.settle()
    assert drawn == [0, 2, 3]


def test_another_array_in_the_layer_of_a_channel_is_seen_and_its_cells_stay(bench):
    one, two = channels(bench, "a", "b", pixels=CELLS.copy())
    image = together_of(bench)
    bench.keep(20, 20)
    kept = bench.state.target.data.copy()
    two.data = 2 * ELSEWHERE
    bench.settle()
    assert image.data[50, 15].tolist() == [13, 255, 0]
    assert image.data[20, 20].tolist() == [255, 13, 0]
    assert bench.state.image is image
    np.testing.assert_array_equal(bench.state.target.data, kept)
    one.data = np.zeros((30, 40), np.uint16)
    bench.settle()
    assert "'a + b' stays as it was: 'b' does not lie on 'a'" in bench.state.status
    assert image.data[20, 20].tolist() == [255, 13, 0]
    two.data = np.full((30, 40), 400, np.uint16)
    bench.settle()
    assert "as they are now" in bench.state.status
    assert image.data.shape == (30, 40, 3)
    assert image.data[2, 2].tolist() == [0, 255, 0]
    np.testing.assert_array_equal(bench.viewer.layers["a + b cells"].data, kept)


def test_contrast_is_followed_and_the_cell_in_hand_stays(bench):
    one, _ = channels(bench, "a", "b", pixels=CELLS.copy())
    image = together_of(bench)
    bench.click(20, 20)
    bench.settle()
    pixels, asked = image.data, len(bench.model.prompts)
    one.contrast_limits = (0, 400)
    bench.settle()
    assert image.data is pixels
    assert image.data[20, 20].tolist() == [128, 255, 0]
    assert len(bench.model.prompts) > asked
    bench.press("Enter")
    bench.settle()
    assert bench.viewer.layers["a + b cells"].data[20, 20] == 1


def test_a_channel_that_was_removed_stays_in_the_picture_and_the_others_are_followed(bench):
    one, two = channels(bench, "a", "b", pixels=CELLS.copy())
    image = together_of(bench)
    bench.viewer.layers.remove(one)
    two.name = "renamed"
    two.data = 2 * ELSEWHERE
    one.data = ELSEWHERE  # of nobody's concern
    bench.settle()
    assert image.data[20, 20].tolist() == [255, 13, 0]
    assert image.data[50, 15].tolist() == [13, 255, 0]
    bench.viewer.layers.remove(image)
    two.data = CELLS
    bench.settle()
    assert bench.state.image is two


def test_an_image_that_was_given_pixels_of_its_own_is_left_alone(bench):
    one, two = channels(bench, "a", "b", pixels=CELLS.copy())
    image = together_of(bench)
    image.data = own = np.zeros((*CELLS.shape, 3), np.uint8)
    one.contrast_limits = (0, 400)
    bench.settle()
    two.data = ELSEWHERE
    bench.settle()
    assert image.data is own


def test_a_search_ends_on_what_it_began_with(bench):
    one, two = channels(bench, "a", "b", pixels=CELLS.copy())
    image = together_of(bench)
    bench.find.start()
    one.data = two.data = ELSEWHERE
    two.contrast_limits = (0, 200)
    while bench.loop.turn():
        pass
    assert image.data[20, 20].tolist() == [255, 255, 0]
    bench.settle()
    np.testing.assert_array_equal(bench.viewer.layers["a + b cells found"].data > 0, CELLS > 100)
    assert image.data[20, 20].tolist() == [13, 13, 0]
    assert image.data[50, 15].tolist() == [255, 255, 0]


def test_another_panel_follows_the_same_channels(bench, make_bench):
    one, _ = channels(bench, "a", "b", pixels=CELLS.copy())
    image = together_of(bench)
    bench.session.close()
    one.contrast_limits = (0, 400)
    other = make_bench(bench.viewer)
    other.session.layers.choose("image", image)
    one.data = ELSEWHERE
    other.settle()
    assert image.data[50, 15].tolist() == [128, 13, 0]
    assert isinstance(other.session.layers._channels, FollowedChannels)


def test_cells_that_were_not_saved_are_offered_in_any_light_and_order_of_channels(
    bench, make_bench
):
    one, two = channels(bench, "a", "b", pixels=CELLS.copy())
    together_of(bench)
    one.contrast_limits = (0, 300)
    bench.settle()
    bench.keep(20, 20)
    bench.session.close()
    later = make_bench()
    for channel, limits in ((two, (0, 250)), (one, (0, 200))):
        later.viewer.add_image(channel.data.copy(), name=channel.name, contrast_limits=limits)
    assert together_of(later).name == "b + a"
    assert "1 cell in 'a + b cells'" in later.state.unsaved
    later.session.recovery.restore()
    later.settle()
    np.testing.assert_array_equal(
        later.viewer.layers["a + b cells"].data, bench.viewer.layers["a + b cells"].data
    )


def test_a_recipe_for_channels_says_what_is_to_be_added(bench):
    channels(bench, "a", "b")
    copied = []
    bench.find.copy_recipe(True, copied.append)
    assert "--channels" not in bench.state.status
    together_of(bench)
    bench.find.copy_recipe(True, copied.append)
    assert copied[-1] == "napari-sam segment IMAGE -o results"
    assert bench.state.status.endswith("such as --channels 0,1.")
    bench.find.copy_recipe(False, copied.append)
    assert "compose(ns.read_image(FILE), (0, 1))" in bench.state.status
    assert not bench.state.problem
