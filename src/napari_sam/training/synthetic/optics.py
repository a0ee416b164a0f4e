"""Instruments: what light, lens and camera do to a noise-free plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from napari_sam.training.synthetic.fields import Array, blur, noise
from napari_sam.training.synthetic.painting import Painting
from napari_sam.training.synthetic.placement import log_uniform


def expose(rng: np.random.Generator, painting: Painting) -> tuple[NDArray[Any], dict[str, Any]]:
    """Photograph a painting; returns the image and what was done to it."""
    done: dict[str, Any] = {"optics": painting.optics}
    instrument = {
        "emission": _emission,
        "transmission": _transmission,
        "electron": _electron,
        "colour": _colour,
        "plain": _plain,
    }[painting.optics]
    image = instrument(rng, painting, done)
    if painting.optics != "colour" and rng.random() < 0.07:
        image = 1 - image
        done["inverted"] = True
    if painting.optics != "colour" and rng.random() < 0.12:
        _hot_pixels(rng, image)
        done["hot_pixels"] = True
    return digitise(rng, image, done), done


def _slope(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """A tilted and gently waving background, roughly -1..1."""
    angle = rng.uniform(0, 2 * np.pi)
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    cols = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :] * np.float32(np.cos(angle))
    return rows + cols + np.float32(0.35) * noise(rng, shape, 0.6 * max(shape))


def _vignette(rng: np.random.Generator, shape: tuple[int, int], depth: float) -> Array:
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] - np.float32(rng.normal(0, 0.3))
    cols = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :] - np.float32(rng.normal(0, 0.3))
    return 1 - np.float32(depth) * (rows * rows + cols * cols) / 2


def _focus(rng: np.random.Generator, image: Array, scale: float, done: dict[str, Any]) -> Array:
    """Blur of the lens: sharp to soft, never so wide that objects vanish."""
    sigma = log_uniform(rng, 0.45, 1.3)
    if rng.random() < 0.15:
        sigma *= log_uniform(rng, 1.3, 2.6)
        done["defocus"] = True
    elif scale > 25 and rng.random() < 0.4:  # high magnification: more pixels per blur
        sigma *= log_uniform(rng, 1.0, 2.2)
    sigma = min(sigma, 0.35 + 0.055 * scale)
    done["blur"] = round(sigma, 2)
    return blur(image, sigma)


def _emission(rng: np.random.Generator, painting: Painting, done: dict[str, Any]) -> Array:
    image = painting.signal
    plane = image.shape[:2]
    if rng.random() < 0.3:
        done["ghosts"] = True
        shift = rng.integers(0, plane[0]), rng.integers(0, plane[1])
        ghost = np.roll(image, shift, (0, 1))[::-1]
        image = image + np.float32(rng.uniform(0.08, 0.3)) * blur(ghost, 0.35 * painting.scale + 2)
    if rng.random() < 0.35:  # light scattered around every object
        reach = rng.uniform(0.4, 1.0) * painting.scale + 2
        image = image + np.float32(rng.uniform(0.05, 0.3)) * blur(image, reach)
    image = _focus(rng, image, painting.scale, done)
    base = log_uniform(rng, 0.004, 0.12)
    if rng.random() < 0.12:  # weak staining over a bright background
        base = rng.uniform(0.2, 1.0)
        done["weak"] = True
    image = image + np.float32(base) * (1 + np.float32(rng.uniform(0, 0.6)) * _slope(rng, plane))
    if rng.random() < 0.4:
        image = image * _vignette(rng, plane, rng.uniform(0.1, 0.5))
        done["vignette"] = True
    photons = log_uniform(rng, 25, 3000)
    done["photons"] = round(photons)
    grain = rng.standard_normal(plane, dtype=np.float32)
    image = image + np.sqrt(np.maximum(image, 0) / np.float32(photons)) * grain
    read = log_uniform(rng, 0.002, 0.025)
    image += np.float32(read) * rng.standard_normal(plane, dtype=np.float32)
    peak = float(np.quantile(image[::2, ::2], 0.998))
    gain = rng.uniform(0.5, 0.98)
    if rng.random() < 0.12:
        gain = rng.uniform(1.1, 1.9)
        done["saturated"] = True
    return np.clip(image * np.float32(gain / max(peak, 1e-3)), 0, 1)


def _plain(rng: np.random.Generator, painting: Painting, done: dict[str, Any]) -> Array:
    """Next to nothing: a saturated, thresholded or drawn image, perhaps with a little noise."""
    image = painting.signal
    if rng.random() < 0.4:
        image = blur(image, rng.uniform(0.4, 1.0))
    if rng.random() < 0.7:
        level = np.float32(log_uniform(rng, 0.003, 0.08))
        image = image + level * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(image, 0, 1)


def _transmission(rng: np.random.Generator, painting: Painting, done: dict[str, Any]) -> Array:
    plane = painting.signal.shape[:2]
    image = _focus(rng, painting.signal, 0.8 * painting.scale, done)
    if rng.random() < 0.6:
        image = image + np.float32(log_uniform(rng, 0.01, 0.12)) * _slope(rng, plane)
        done["gradient"] = True
    if rng.random() < 0.4:
        image = image * _vignette(rng, plane, rng.uniform(0.05, 0.35))
        done["vignette"] = True
    if rng.random() < 0.35:  # fixed pattern: dust far out of focus
        image = image + np.float32(rng.uniform(0.004, 0.02)) * noise(rng, plane, 20, 2)
    if rng.random() < 0.2:
        image = image + _dust_rings(rng, plane, rng.uniform(0.01, 0.06))
        done["dust"] = True
    grain = log_uniform(rng, 0.003, 0.045)
    done["grain"] = round(grain, 4)
    image = image + np.float32(grain) * rng.standard_normal(plane, dtype=np.float32)
    return _stretch_contrast(rng, image)


def _dust_rings(rng: np.random.Generator, shape: tuple[int, int], strength: float) -> Array:
    """Diffraction rings of dust on the optics, which no one would outline."""
    rings = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(1, 5))):
        reach = int(rng.uniform(8, 30))
        row, col = (int(rng.integers(0, length)) for length in shape)
        box = (
            slice(max(0, row - reach), min(shape[0], row + reach)),
            slice(max(0, col - reach), min(shape[1], col + reach)),
        )
        y, x = np.ogrid[box]
        q = np.hypot(y - row, x - col) / reach
        wave = np.cos(q * q * rng.uniform(6, 20) + rng.uniform(0, 6)) * np.clip(1 - q, 0, 1)
        rings[box] += np.float32(2 * strength) * wave.astype(np.float32)
    return rings


def _electron(rng: np.random.Generator, painting: Painting, done: dict[str, Any]) -> Array:
    plane = painting.signal.shape[:2]
    image = _focus(rng, painting.signal, 0.6 * painting.scale, done)
    if rng.random() < 0.5:
        image = image + np.float32(rng.uniform(0.02, 0.12)) * _slope(rng, plane)
    if rng.random() < 0.2:  # charging: rows of slightly different brightness
        image = image + np.float32(0.02) * rng.standard_normal((plane[0], 1), dtype=np.float32)
    grain = log_uniform(rng, 0.01, 0.12)
    done["grain"] = round(grain, 4)
    speckle = noise(rng, plane, rng.choice([1.0, 1.0, 1.8]))
    return _stretch_contrast(rng, image + np.float32(grain) * speckle)


def _colour(rng: np.random.Generator, painting: Painting, done: dict[str, Any]) -> Array:
    plane = painting.signal.shape[:2]
    image = _focus(rng, painting.signal, 0.7 * painting.scale, done)
    if rng.random() < 0.4:
        image = image * _vignette(rng, plane, rng.uniform(0.03, 0.2))[..., None]
    if rng.random() < 0.5:  # white balance
        image = image * rng.uniform(0.9, 1.06, 3).astype(np.float32)
    grain = log_uniform(rng, 0.003, 0.03)
    done["grain"] = round(grain, 4)
    shared = rng.standard_normal(plane, dtype=np.float32)[..., None]
    image = image + np.float32(grain) * shared
    image[..., 1] += np.float32(0.4 * grain) * rng.standard_normal(plane, dtype=np.float32)
    gamma = np.float32(rng.uniform(0.85, 1.2))
    return np.clip(image, 0, 1) ** gamma


def _stretch_contrast(rng: np.random.Generator, image: Array) -> Array:
    """Map the used range into most, or only a part, of 0..1."""
    low, high = np.quantile(image[::2, ::2], (0.003, 0.997))
    span = rng.uniform(0.45, 1.0)
    start = rng.uniform(0.0, 1.0 - span)
    scaled = (image - np.float32(low)) / np.float32(max(high - low, 1e-3))
    return np.clip(np.float32(start) + np.float32(span) * scaled, 0, 1)


def _hot_pixels(rng: np.random.Generator, image: Array) -> None:
    count = int(rng.integers(3, 40))
    rows = rng.integers(0, image.shape[0], count)
    cols = rng.integers(0, image.shape[1], count)
    image[rows, cols] = rng.uniform(0.7, 1.0, count).astype(np.float32)


def _blocks(image: Array, step: float) -> Array:
    """Coarsely quantised cosine transform of 8x8 blocks, as strong compression leaves it."""
    height, width = (length - length % 8 for length in image.shape[:2])
    if image.ndim == 3:
        return np.stack([_blocks(image[..., c], step) for c in range(image.shape[2])], axis=2)
    tiles = image[:height, :width].reshape(height // 8, 8, width // 8, 8)
    table = np.float32(step) * (1 + np.add.outer(np.arange(8), np.arange(8))).astype(np.float32)
    table = table[:, None, :]
    spectrum = dctn(tiles, axes=(1, 3), norm="ortho")
    out = image.copy()
    out[:height, :width] = idctn(
        np.round(spectrum / table) * table, axes=(1, 3), norm="ortho"
    ).reshape(height, width)
    return np.clip(out, 0, 1)


def digitise(rng: np.random.Generator, image: Array, done: dict[str, Any]) -> NDArray[Any]:
    """Turn 0..1 into the numbers of a camera: 8, 12 or 16 bit, or floating point."""
    choice = rng.random()
    if image.ndim == 3 or choice < 0.6:
        if rng.random() < 0.1:
            image = _blocks(image, log_uniform(rng, 0.008, 0.03))
            done["blocks"] = True
        done["bits"] = 8
        return np.round(image * 255).astype(np.uint8)
    if choice < 0.75:
        done["bits"] = 12
        return np.round(image * 4095).astype(np.uint16)
    if choice < 0.87:
        done["bits"] = 16
        offset, top = rng.uniform(100, 3000), rng.uniform(6000, 65000)
        return np.round(offset + image * (top - offset)).astype(np.uint16)
    done["bits"] = 32
    return (image * log_uniform(rng, 1, 500)).astype(np.float32)
