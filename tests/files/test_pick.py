"""Channels and axes: an explicit choice counts, and what cannot be told is asked."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from napari_sam.errors import ImageError
from napari_sam.files import read_image
from napari_sam.files.names import distinct_names
from napari_sam.files.pick import pick
from napari_sam.images import Image

LENGTHS = {"T": 2, "Z": 3, "C": 4, "P": 2, "Y": 20, "X": 30}


@pytest.mark.parametrize("letters", ["TZYX", "CZYX", "TCYX", "TZCYX", "PTZYX"])
def test_axes_in_any_order_are_picked_right(letters: str) -> None:
    for axes in map("".join, itertools.permutations(letters)):
        shape = tuple(LENGTHS[letter] for letter in axes)
        pixels = np.arange(np.prod(shape)).reshape(shape)
        found = pick(Image(pixels, axes), 1 if "C" in axes else None)
        stack = axes.replace("Y", "").replace("X", "").replace("C", "")
        assert found.axes == f"{stack}YX"
        meant = pixels
        if "C" in axes:
            meant, axes = pixels.take(1, axes.index("C")), axes.replace("C", "")
        meant = meant.transpose([axes.index(letter) for letter in found.axes])
        np.testing.assert_array_equal(found.pixels, meant)


@pytest.mark.parametrize("length", [2, 3, 5, 7, 30])
def test_a_channel_that_is_named_is_taken_from_an_unnamed_axis(length: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (length, 20, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="minisblack")
    image = read_image(tmp_path / "x.tif")
    np.testing.assert_array_equal(pick(image, 1).pixels, pixels[1])
    with pytest.raises(ImageError, match="no channel 99"):
        pick(image, 99)
    if length > 4:
        assert pick(image).axes == "ZYX"
    else:
        with pytest.raises(ImageError, match="channels or slices"):
            pick(image)


def test_a_channel_of_named_slices_is_refused() -> None:
    with pytest.raises(ImageError, match="no channel 2"):
        pick(Image(np.zeros((5, 20, 30)), "ZYX"), 2)


def test_a_channel_of_two_unnamed_axes_is_asked_about() -> None:
    with pytest.raises(ImageError, match="--axes"):
        pick(Image(np.zeros((5, 6, 20, 30)), "QIYX"), 2)


@pytest.mark.parametrize("bad", [True, 1.0, "1", -1, 4])
def test_a_channel_that_is_no_number_of_one_is_refused(bad: object) -> None:
    with pytest.raises(ImageError):
        pick(Image(np.zeros((4, 20, 30)), "CYX"), bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "shape", [(64, 64, 2), (64, 2, 64), (64, 64, 5), (64, 64, 12), (64, 64, 1)]
)
def test_planes_a_few_pixels_wide_are_asked_about(shape: tuple[int, ...], tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif", np.zeros(shape, np.uint8), photometric="minisblack", metadata=None
    )
    with pytest.raises(ImageError, match="--axes"):
        pick(read_image(tmp_path / "x.tif"))
    assert pick(read_image(tmp_path / "x.tif", "ZYX"), sure=True).shape == shape


def test_what_the_message_says_works(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 66, 2)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="minisblack", metadata=None)
    with pytest.raises(ImageError, match="--axes YXC with --channel"):
        pick(read_image(tmp_path / "x.tif"))
    found = pick(read_image(tmp_path / "x.tif", "YXC"), 1, sure=True)
    np.testing.assert_array_equal(found.pixels, pixels[..., 1])


def test_small_images_and_thin_lines_are_not_asked_about() -> None:
    assert pick(Image(np.zeros((5, 8, 9)), "ZYX")).shape == (5, 8, 9)
    assert pick(Image(np.zeros((8, 9)), "YX")).shape == (8, 9)
    assert pick(Image(np.zeros((2, 300)), "YX")).shape == (2, 300)


@given(st.lists(st.sampled_from(["a", "b", "A", "a_tif", "a_jpg"]), min_size=1, max_size=8))
def test_names_of_outputs_never_collide(stems: list[str]) -> None:
    paths = [
        Path(f"{folder}/{stem}{suffix}")
        for folder in ("one", "two", "up/one")
        for suffix in (".tif", ".jpg", ".ome.tif")
        for stem in dict.fromkeys(stems)
    ]
    names = distinct_names(paths)
    assert len({name.casefold() for name in names}) == len(paths)
    assert all(name and "/" not in name and "." not in name for name in names)


def test_a_name_without_a_twin_stays_as_it_is() -> None:
    assert distinct_names([Path("in/a.tif"), Path("in/b.ome.tif")]) == ["a", "b"]
