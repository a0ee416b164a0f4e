"""Colours that tell nothing are not shown to ``cells``."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage as ndi
from skimage import data

import napari_sam as ns
from napari_sam.models.cells.seen import without_hue

GREEN, BLUE, MAGENTA, ORANGE = (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 0.6, 0)


def cells(seed: int = 0, side: int = 160) -> np.ndarray:
    """Return bright discs on a noisy dark ground, 8 bits."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    image = rng.normal(20, 3, (side, side))
    for down in range(20, side, 40):
        for along in range(20, side, 40):
            at = np.array([down, along]) + rng.integers(-4, 5, 2)
            image += 150 * (np.hypot(rows - at[0], columns - at[1]) < rng.integers(9, 14))
    return ndi.gaussian_filter(image, 1).clip(0, 255).astype(np.uint8)


def painted(grey: np.ndarray, hue: tuple[float, float, float]) -> np.ndarray:
    return np.round(grey[..., None] * np.array(hue)).astype(np.uint8)


@pytest.mark.parametrize("hue", [(1, 1, 1), GREEN, BLUE, MAGENTA, ORANGE])
def test_painted_cells_are_found_as_grey_ones_are(hue: tuple[float, float, float]) -> None:
    model = ns.load_model("cells", device="cpu")
    grey = ns.segment_cells(cells(), model=model).labels
    assert grey.max() == 16
    np.testing.assert_array_equal(ns.segment_cells(painted(cells(), hue), model=model).labels, grey)


@settings(max_examples=30)
@given(hue=st.tuples(*[st.floats(0, 1)] * 3).filter(lambda hue: max(hue) > 0.5))
def test_the_brightest_channel_is_shown(hue: tuple[float, float, float]) -> None:
    image = painted(cells(side=80), hue)
    np.testing.assert_array_equal(without_hue(image), image.max(axis=2))


@pytest.mark.parametrize("hue", [BLUE, MAGENTA])
def test_colours_smeared_by_compression_tell_nothing(hue: tuple[float, float, float]) -> None:
    """JPEG keeps colours coarsely: none is left at edges, others come up beside them."""
    file = BytesIO()
    Image.fromarray(painted(cells(), hue)).save(file, "jpeg", quality=90)
    assert without_hue(np.asarray(Image.open(file))).ndim == 2


def test_a_stain_of_several_hues_is_seen_in_colour() -> None:
    stained = data.immunohistochemistry()
    assert without_hue(stained) is stained


def test_one_cell_of_another_colour_is_seen() -> None:
    image = painted(cells(), BLUE)
    image[70:84, 70:84, 0] = 120
    assert without_hue(image) is image


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((40, 40, 3), np.uint8),
        np.full((40, 40, 3), np.nan, np.float32),
        np.full((3, 5, 3), 7, np.uint16),
    ],
)
def test_what_shows_nothing_is_left_alone(image: np.ndarray) -> None:
    assert without_hue(image) is image
