"""What light, stains, cameras and people do to an image, done to a training window."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from napari_sam.training.bodies import glowing, haze, outshine, relight

__all__ = ["augment_image", "nothing_but_grain"]


def augment_image(
    image: np.ndarray,
    rng: np.random.Generator,
    labels: np.ndarray | None = None,
    enlarged: float = 1.0,
) -> np.ndarray:
    """Change the looks of a normalised window, not its geometry.

    Parameters
    ----------
    image : ndarray of float32
        (S, S, 1) or (S, S, 3), about [0, 1].
    rng : numpy.random.Generator
    labels : ndarray of int, optional
        (S/2, S/2), where the objects are, for what is done to objects that shine.
    enlarged : float
        How much larger than usual objects are shown: blur and grain of the microscope are
        enlarged with them.

    Returns
    -------
    ndarray of float32
        (S, S, 3): dim objects, haze and bright spots, stretched percentiles, gamma, inversion,
        hue and channel changes, uneven light, blur, noise, grain and few photons, each at
        random; clipped to [-0.1, 1.2].
    """
    image = np.clip(image, 0, 1)
    if labels is not None and rng.random() < 0.4 and glowing(image, labels):
        if rng.random() < 0.5:
            image = relight(image, labels, rng)
        if rng.random() < 0.4:
            image = haze(image, labels, rng)
        if rng.random() < 0.4:
            image = outshine(image, labels, rng)
    if image.shape[-1] == 3 and rng.random() < 0.2:
        image = (image @ rng.dirichlet((2, 2, 2)).astype(np.float32))[..., None]
    image = _limits(image, rng)
    if image.shape[-1] == 3:
        image = _recolour(image, rng)
    if rng.random() < 0.12:
        image = 1 - image
    if rng.random() < 0.15:
        image = image * _uneven_light(image.shape[0], rng)
    image = _camera(_lens(image, rng, enlarged), rng, enlarged)
    if image.shape[-1] == 1:
        image = np.repeat(image, 3, axis=-1)
        if rng.random() < 0.05:  # a grey image saved in one colour
            image = image * rng.uniform(0, 1, 3).astype(np.float32)
    return np.clip(image, -0.1, 1.2).astype(np.float32)


def _limits(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Stretch the image as others would, and bend its tones."""
    if rng.random() < 0.15:  # limits chosen by another program, or by hand
        low, high = np.quantile(image, (rng.uniform(0, 0.1), 1 - 0.08 * rng.random() ** 2))
        image = np.clip((image - low) / max(high - low, 0.1), 0, 1)
    elif rng.random() < 0.6:  # the percentiles of another crop of the same specimen
        low, high = rng.normal(0, 0.05), 1 + rng.normal(0, 0.15)
        image = np.clip((image - low) / max(high - low, 0.3), 0, 1.1)
    if rng.random() < 0.6:
        image = np.maximum(image, 0) ** np.exp(rng.normal(0, 0.35)).astype(np.float32)
    return image


def _lens(image: np.ndarray, rng: np.random.Generator, enlarged: float) -> np.ndarray:
    """Blur, not always the same both ways, or sharpen."""
    if rng.random() < 0.2:
        down, along = rng.uniform(0.4, 1.8 * enlarged, 2)
        image = ndi.gaussian_filter(image, (down, down if rng.random() < 0.6 else along, 0))
    elif rng.random() < 0.1:
        sigma = rng.uniform(0.6, 1.5)
        image = image + rng.uniform(0.3, 1.0) * (
            image - ndi.gaussian_filter(image, (sigma, sigma, 0))
        )
    return image


def _camera(image: np.ndarray, rng: np.random.Generator, enlarged: float) -> np.ndarray:
    """Count few photons, or add noise and grain."""
    if image.shape[-1] == 1 and rng.random() < 0.12:
        image = _few_photons(image, rng, enlarged)
    elif rng.random() < 0.3:
        noise = rng.standard_normal(image.shape, np.float32)
        if rng.random() < 0.4:  # as coarse as an enlarged image's, or as the specimen's own
            noise = coarse(noise, float(np.exp(rng.uniform(np.log(0.6), np.log(5)))))
        level = rng.uniform(0.01, 0.08)
        image = image + level * noise * (
            np.sqrt(np.maximum(image, 0.02)) * 1.5 if rng.random() < 0.5 else 1
        )
    return image


def coarse(noise: np.ndarray, sigma: float) -> np.ndarray:
    """Blur white noise (S, S, C) and bring it back to a standard deviation of about 1."""
    return ndi.gaussian_filter(noise, (sigma, sigma, 0)) * np.float32(2 * np.sqrt(np.pi) * sigma)


def nothing_but_grain(size: int, rng: np.random.Generator) -> np.ndarray:
    """An empty frame as limits stretch it: grain of some size over uneven light, (S, S, 1)."""
    noise = rng.standard_normal((size, size, 1), np.float32)
    if rng.random() < 0.7:
        noise = coarse(noise, float(np.exp(rng.uniform(np.log(0.5), np.log(8)))))
        noise += rng.uniform(0, 0.5) * rng.standard_normal((size, size, 1), np.float32)
    level, spread = rng.uniform(0, 0.6), np.exp(rng.uniform(np.log(0.02), np.log(0.3)))
    if rng.random() < 0.3:
        noise = np.maximum(noise, 0) ** rng.uniform(1, 3)
    return np.clip(level + spread * noise * _uneven_light(size, rng), 0, 1).astype(np.float32)


def _recolour(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift the hues of a colour image: in optical density, or by mixing channels."""
    if rng.random() < 0.6:
        density = -np.log(np.clip(image, 0.02, 1))
        density = density * np.exp(rng.normal(0, 0.2, 3)).astype(np.float32)
        mix = np.eye(3) + rng.normal(0, 0.06, (3, 3))
        image = np.exp(-density @ mix.astype(np.float32).T)
    if rng.random() < 0.25:
        image = image[..., rng.permutation(3)]
    if rng.random() < 0.3:
        image = image * rng.uniform(0.75, 1.15, 3).astype(np.float32)
    return image


def _uneven_light(size: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth factor between about 0.5 and 1 over the window, (S, S, 1)."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    a, b, c = rng.normal(0, 1, 3)
    field = a * line[:, None] + b * line[None] + c * (line[:, None] ** 2 + line[None] ** 2)
    field = (field - field.min()) / max(float(np.ptp(field)), 1e-6)
    return (1 - rng.uniform(0.2, 0.5) * field)[..., None].astype(np.float32)


def _few_photons(image: np.ndarray, rng: np.random.Generator, enlarged: float) -> np.ndarray:
    """Count a handful of photons per pixel, as a confocal microscope deep in a tissue does."""
    photons = np.exp(rng.uniform(np.log(3), np.log(40)))
    light = np.maximum(image, 0) + rng.uniform(0, 0.15)
    counted = rng.poisson(light * photons).astype(np.float32)
    sigma = rng.uniform(0, enlarged)  # the image's pixels are larger than the window's, or filtered
    counted = ndi.gaussian_filter(counted, (sigma, sigma, 0))
    low, high = np.quantile(counted, (0.005, 0.999))
    return (counted - low) / max(float(high - low), 1e-3)
