"""What light, stains, cameras and people do to an image, done to a training window."""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

__all__ = ["augment_image"]


def augment_image(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change the looks of a normalised window, not its geometry.

    Parameters
    ----------
    image : ndarray of float32
        (S, S, 1) or (S, S, 3), about [0, 1].
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32
        (S, S, 3): stretched percentiles, gamma, inversion, hue and channel changes, uneven
        light, blur, noise and few photons, each at random; clipped to [-0.1, 1.2].
    """
    image = np.clip(image, 0, 1)
    if image.shape[-1] == 3 and rng.random() < 0.2:
        image = (image @ rng.dirichlet((2, 2, 2)).astype(np.float32))[..., None]
    if rng.random() < 0.6:  # the percentiles of another crop of the same specimen
        low, high = rng.normal(0, 0.05), 1 + rng.normal(0, 0.15)
        image = np.clip((image - low) / max(high - low, 0.3), 0, 1.1)
    if rng.random() < 0.6:
        image = np.maximum(image, 0) ** np.exp(rng.normal(0, 0.35)).astype(np.float32)
    if image.shape[-1] == 3:
        image = _recolour(image, rng)
    if rng.random() < 0.12:
        image = 1 - image
    if rng.random() < 0.15:
        image = image * _uneven_light(image.shape[0], rng)
    if rng.random() < 0.2:
        sigma = rng.uniform(0.4, 1.8)
        image = ndi.gaussian_filter(image, (sigma, sigma, 0))
    elif rng.random() < 0.1:
        sigma = rng.uniform(0.6, 1.5)
        image = image + rng.uniform(0.3, 1.0) * (
            image - ndi.gaussian_filter(image, (sigma, sigma, 0))
        )
    if image.shape[-1] == 1 and rng.random() < 0.12:
        image = _few_photons(image, rng)
    elif rng.random() < 0.3:
        noise = rng.standard_normal(image.shape, np.float32)
        if rng.random() < 0.3:  # noise as coarse as an enlarged or compressed image's
            noise = ndi.gaussian_filter(noise, (0.8, 0.8, 0)) * 2
        level = rng.uniform(0.01, 0.08)
        image = image + level * noise * (
            np.sqrt(np.maximum(image, 0.02)) * 1.5 if rng.random() < 0.5 else 1
        )
    if image.shape[-1] == 1:
        image = np.repeat(image, 3, axis=-1)
        if rng.random() < 0.05:  # a grey image saved in one colour
            image = image * rng.uniform(0, 1, 3).astype(np.float32)
    return np.clip(image, -0.1, 1.2).astype(np.float32)


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


def _few_photons(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Count a handful of photons per pixel, as a confocal microscope deep in a tissue does."""
    photons = np.exp(rng.uniform(np.log(3), np.log(40)))
    light = np.maximum(image, 0) + rng.uniform(0, 0.15)
    counted = rng.poisson(light * photons).astype(np.float32)
    sigma = rng.uniform(0, 1.0)  # the image's pixels are larger than the window's, or filtered
    counted = ndi.gaussian_filter(counted, (sigma, sigma, 0))
    low, high = np.quantile(counted, (0.005, 0.999))
    return (counted - low) / max(float(high - low), 1e-3)
