"""Few cells on an empty plane, and an empty plane: limits by what stands above the noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_sam import segment_cells
from napari_sam.contrast import PERCENTILES, contrast_limits, normalise
from textures import textures

RNG = np.random.default_rng(0)


def frame(side: int = 256, blur: float = 1.0, sigma: float = 40.0, seed: int = 0) -> np.ndarray:
    """Make a dark frame with the noise of a camera."""
    noise = np.random.default_rng(seed).normal(0, 1, (side, side))
    noise = gaussian_filter(noise, blur) if blur else noise
    return 200 + sigma * noise


def spots(image: np.ndarray, radius: float, height: float, *places: tuple[int, int]) -> np.ndarray:
    """Add blurred discs, as 16-bit counts."""
    rows, columns = np.indices(image.shape)
    discs = np.zeros(image.shape)
    for row, column in places:
        discs[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = height
    return (image + gaussian_filter(discs, 1)).clip(0).astype(np.uint16)


@pytest.mark.parametrize("radius", [4, 6, 9])
@pytest.mark.parametrize("height", [600, 2500, 20000])
def test_what_stands_far_above_sets_the_limit(radius: float, height: float) -> None:
    image = spots(frame(512), radius, height, (256, 256))
    low, high = contrast_limits(image)
    assert low < 200
    assert 200 + 0.6 * height < high < 220 + height  # percentiles say 230


def test_the_limit_is_that_of_most_bright_cells() -> None:
    image = spots(frame(512), 6, 1000, (60, 60), (60, 200), (200, 60), (200, 200))
    image = spots(image.astype(float), 6, 9000, (400, 400))
    assert 800 < contrast_limits(image)[1] < 2000


@pytest.mark.parametrize("blur", [0, 0.7, 1.0, 1.3])
@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_an_empty_frame_stays_almost_black(blur: float, dtype: type) -> None:
    image = frame(blur=blur).astype(dtype)
    assert normalise(image).std() < 0.02


@pytest.mark.parametrize("photons", [0.1, 1, 2, 20])
def test_a_frame_of_few_photons_is_empty(photons: float) -> None:
    image = np.random.default_rng(1).poisson(photons, (256, 256)).astype(np.uint8)
    assert normalise(image).std() < 0.02


def test_hot_pixels_and_scratches_are_no_cells() -> None:
    hurt = frame()
    hurt[RNG.integers(0, 256, 30), RNG.integers(0, 256, 30)] = 60000
    hurt[40:42, 9:30] = 60000  # two pixels thin
    low, high = contrast_limits(hurt)
    assert high < 10000
    assert low == pytest.approx(contrast_limits(frame())[0], abs=3)


def test_nan_and_infinity_in_noise_are_no_cells() -> None:
    image = spots(frame(), 6, 2500, (100, 100)).astype(np.float32)
    image[5, 5:20] = np.nan
    image[50:53, 50:53] = np.inf
    assert 1500 < contrast_limits(image)[1] < 3000


def kept(image: np.ndarray) -> bool:
    expected = np.percentile(image.astype(float), PERCENTILES)
    return bool(np.allclose(contrast_limits(image), expected, rtol=1e-12))


def test_faint_cells_are_no_noise() -> None:
    """Cells that are as far above the noise as it is wide, on a twentieth of the plane."""
    image = frame(512, blur=0)
    rows, columns = np.indices(image.shape)
    for row in range(60, 500, 100):
        for column in range(60, 500, 100):
            image[(rows - row) ** 2 + (columns - column) ** 2 < 100] += 40
    assert kept(image)


@pytest.mark.parametrize("name", sorted(textures()))
def test_planes_full_of_objects_keep_their_percentiles(name: str) -> None:
    assert kept(textures()[name])


def test_a_cell_on_an_empty_plane_is_found_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256]
    truth = (y - 128) ** 2 + (x - 128) ** 2 < 81
    clean = gaussian_filter(truth * 2500.0, 1) + 200
    image = (clean + gaussian_filter(rng.normal(0, 40, clean.shape), 1)).clip(0).astype(np.uint16)
    labels = segment_cells(image).labels
    assert labels.max() == 1
    found = labels == 1
    assert (found & truth).sum() / (found | truth).sum() > 0.9
    assert segment_cells(frame()).labels.max() == 0
