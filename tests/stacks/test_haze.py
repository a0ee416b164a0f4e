"""Light from above and below a slice, taken away from it."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import napari_sam as ns
from fake_model import FakeModel
from napari_sam.errors import ParameterError
from napari_sam.images import Image, PlaneStack
from napari_sam.stacks.crops import Slices, Window
from napari_sam.stacks.haze import HAZE_SHARE, Dehazed, dehazed, reach_of, without_haze

DISC = np.s_[20:40, 30:50]


def hazy() -> np.ndarray:
    """A disc on slices 4 to 8 of 12, and light of it on the two slices above and below."""
    stack = np.full((12, 60, 80), 10.0, np.float32)
    stack[4:9, *DISC] = 200.0
    stack[[3, 9], *DISC], stack[[2, 10], *DISC] = 60.0, 50.0
    return stack


@given(hnp.arrays(np.uint8, (4, 5)))
def test_what_goes_on_through_the_slices_keeps_its_shape(plane: np.ndarray) -> None:
    found = without_haze(plane, [plane, plane])
    if len(np.unique(plane)) > 1:  # what shows nothing stays as it is
        dark = float(plane.min())  # which is no light
        np.testing.assert_allclose(found, plane - HAZE_SHARE * (plane - dark), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.4))
def test_light_laid_over_a_slice_is_less_of_it_afterwards(seed: int, light: float) -> None:
    above, here, below = np.random.default_rng(seed).random((3, 24, 24))
    seen = here + light * (above + below) / 2
    clear = without_haze(seen, [above + light * here / 2, below + light * here / 2])

    def told(picture: np.ndarray) -> float:
        """How much of a picture is the light from above and below: a share of its spread."""
        return float(np.corrcoef(picture.ravel(), (above + below).ravel())[0, 1])

    own = np.corrcoef(here.ravel(), (above + below).ravel())[0, 1]
    assert told(clear) < told(seen)
    assert own < told(seen)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float16, np.float64])
def test_nothing_wraps_or_overflows(kind: type) -> None:
    top = np.finfo(kind).max if np.dtype(kind).kind == "f" else np.iinfo(kind).max
    dark, bright = np.array([[0, 1]], kind), np.array([[0, min(float(top), 1e30)]], kind)
    found = without_haze(dark, [bright, bright])
    assert found[0, 0] == 0
    assert found[0, 1] <= 0
    assert np.isfinite(found).all()


def test_a_neighbour_that_is_no_number_or_saturated_takes_nothing_away() -> None:
    plane = np.array([[10.0, 90.0, 50.0]])
    lost = np.array([[np.nan, np.inf, 50.0]])
    found = without_haze(plane, [lost, lost], limits=(10.0, 100.0))
    np.testing.assert_allclose(found[0, :2], plane[0, :2])
    for value in (0.0, 65535.0):
        gone = np.full((1, 3), value)
        np.testing.assert_allclose(without_haze(plane, [gone, gone], limits=(10.0, 100.0)), plane)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("limits", [None, (-120.0, 120.0)])
def test_an_empty_slice_shows_no_shadows_of_objects_beside_it(
    sign: int, limits: tuple[float, float] | None
) -> None:
    empty, beside = np.random.default_rng(0).normal(0, 2, (2, 96, 96))
    beside[30:60, 30:60] = 100.0 * sign
    found = without_haze(empty, [beside, beside], limits)
    np.testing.assert_allclose(found, empty, rtol=1e-5)


def test_where_a_slice_is_dark_it_becomes_no_darker() -> None:
    faint, beside = np.random.default_rng(0).normal(0, 2, (2, 96, 96))
    faint[10:50, 10:60] += 20.0
    beside[40:90, 40:90] = 100.0
    found = without_haze(faint, [beside, beside])
    ground = faint[60:, :30]
    assert found.min() >= ground.min()
    assert found[15:35, 15:35].mean() > 15


def test_a_border_without_numbers_is_as_dark_as_the_ground() -> None:
    """Slices that were shifted upon each other have such borders, another one each."""
    ground = np.full((6, 8), 1000.0)
    ground[2, 2] = 1200.0
    shifted = ground.copy()
    shifted[:, 6:] = np.nan
    found = without_haze(ground, [shifted, shifted])
    assert np.ptp(np.delete(found.ravel(), 2 * 8 + 2)) == 0


@pytest.mark.parametrize("kind", ["uint32", ">i4", "uint64", "float64"])
def test_values_far_from_zero_stay_apart(kind: str) -> None:
    seen = np.arange(64).reshape(8, 8)
    far = (seen + 2**31 - 200).astype(kind)
    found = Dehazed(np.stack([far, far, far]), 0, 1)[1, :, :]
    assert len(np.unique(found)) == 64
    np.testing.assert_allclose(np.diff(found), 1 - HAZE_SHARE, rtol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_may_lie_along_any_axis_and_on_disk(axis: int) -> None:
    stack = np.moveaxis(hazy(), 0, axis)
    for source in (stack, da.from_array(stack, chunks=7)):
        seen = Dehazed(source, axis, 2)
        key = tuple(5 if at == axis else slice(None) for at in range(3))
        part = tuple(5 if at == axis else slice(3, 40) for at in range(3))
        np.testing.assert_allclose(seen[key], without_haze(hazy()[5], [hazy()[3], hazy()[7]]))
        np.testing.assert_allclose(seen[part], seen[key][3:40, 3:40])
        assert seen.shape == stack.shape


def test_a_colour_image_keeps_its_colours() -> None:
    stains = Image(np.zeros((5, 30, 40, 3), np.uint8), "ZYXS", rgb=True)
    assert dehazed(stains, 0, 2) is stains
    pixels = np.random.default_rng(0).integers(0, 256, (5, 30, 40, 3)).astype(np.uint8)
    planes = list(Image(pixels, "ZYXS", rgb=True).planes())
    whole = Window.whole((30, 40))
    for stack in (pixels, PlaneStack(pixels, planes)):  # of a script, and of the panel
        slices = Slices(stack, limits=(0.0, 255.0), reach=2)
        np.testing.assert_array_equal(slices.clear(2, whole), pixels[2])


def test_slices_far_apart_lay_no_light_on_each_other() -> None:
    stack, shown = hazy(), hazy()[5] > 100
    grey = Image(stack, "ZYX")
    assert dehazed(grey, 0, reach_of(50.0)) is grey
    found = [
        ns.propagate(stack, {5: shown}, FakeModel(), spacing=(step, 1, 1)).slices.tolist()
        for step in (2.5, 50)
    ]
    assert found[0] == [4, 5, 6, 7, 8]
    seen = Slices(stack, limits=(0.0, 250.0), reach=reach_of(50.0))
    np.testing.assert_array_equal(seen.clear(3, Window.whole((60, 80))), stack[3])


def test_a_window_is_cleared_as_the_whole_slice() -> None:
    stack = hazy() + np.random.default_rng(0).normal(0, 3, hazy().shape).astype(np.float32)
    slices = Slices(stack, limits=(0.0, 250.0), reach=2)
    whole = slices.clear(3, Window.whole((60, 80))).copy()
    for index in (3, 4, 3):
        part = slices.clear(index, Window(15, 25, (30, 28)))
        assert part.shape == (30, 28)
    np.testing.assert_allclose(part, whole[15:45, 25:53], rtol=1e-5)
    movie = Slices(stack, limits=(0.0, 250.0))
    np.testing.assert_array_equal(movie.clear(3, Window.whole((60, 80))), stack[3])


def test_light_of_an_object_on_slices_beside_it_is_no_part_of_it() -> None:
    found = ns.segment_volume(hazy(), FakeModel())
    assert len(found.table) == 1
    assert np.flatnonzero(found.labels.any(axis=(1, 2))).tolist() == [4, 5, 6, 7, 8]
    flat = np.flatnonzero(ns.segment_cells(hazy()[3], FakeModel()).labels.any(axis=0))
    assert len(flat)  # seen alone, such a slice shows it


@pytest.mark.parametrize("axes", ["TZYX", "ZTYX"])
def test_of_movies_of_stacks_the_slices_are_cleared(axes: str) -> None:
    stack = np.stack([hazy(), hazy()], 0 if axes[0] == "T" else 1)
    found = ns.track_cells(Image(stack, axes), FakeModel())
    deep = np.moveaxis(found.labels, axes.index("Z"), 0)
    assert np.flatnonzero(deep.any(axis=(1, 2, 3))).tolist() == [4, 5, 6, 7, 8]
    assert len(np.unique(found.labels)) == 2


def test_how_far_apart_slices_are_tells_where_their_light_comes_from() -> None:
    seen: list[np.ndarray] = []

    class Watched(FakeModel):
        def encode_window(self, pixels, *, limits=None):
            seen.append(np.array(pixels))
            return super().encode_window(pixels, limits=limits)

    shown, light = hazy()[5] > 100, []
    for spacing in ((2.5, 1, 1), (5, 1, 1), (0.8, 0.5, 0.5)):
        seen.clear()
        ns.propagate(hazy(), {5: shown}, Watched(), spacing=spacing, first=4, last=5)
        light.append(round(float(200 - seen[0].max()), 1))
    assert light == [round((200 + at - 2 * 10) / 2 * HAZE_SHARE, 1) for at in (50, 60, 10)]
    for told in ({}, {"divisions": True}, {"over_time": True}):  # also where nobody asks for it
        with pytest.raises(ParameterError, match="spacing is three"):
            ns.propagate(hazy(), {5: shown}, FakeModel(), spacing=(1, 1), **told)
