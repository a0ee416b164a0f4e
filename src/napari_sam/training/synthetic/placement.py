"""Where objects lie: scattered, clustered, or packed side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_sam.training.synthetic.fields import Array, noise


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform: every octave is equally likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(max(high, low)))))


def radii(
    rng: np.random.Generator,
    shape: tuple[int, int],
    diameter: float,
    coverage: float,
    spread: float,
) -> NDArray[np.float64]:
    """Log-normal radii of as many objects as cover the given share of the plane."""
    area = (shape[0] + diameter) * (shape[1] + diameter) * coverage
    count = int(np.clip(area / (0.785 * diameter**2), 1, 900))
    return 0.5 * diameter * np.exp(rng.normal(0, spread, count))


def scatter(
    rng: np.random.Generator,
    shape: tuple[int, int],
    sizes: NDArray[np.floating],
    spacing: float = 1.0,
    density: Array | None = None,
    tries: int = 4,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Throw discs on the plane, keeping those that find room.

    Parameters
    ----------
    sizes : array
        Radii, in the order of placement.
    spacing : float
        Least distance between centres, in sums of radii: below 1 discs overlap.
    density : array of the plane's shape, optional
        Probability that a place is accepted; makes clusters and empty regions.

    Returns
    -------
    centres : array (n, 2)
    sizes : array (n,)
    """
    centres = np.empty((sizes.size, 2))
    kept = np.empty(sizes.size)
    count = 0
    for radius in sizes:
        low = -0.4 * radius
        places = rng.uniform(low, (shape[0] - low, shape[1] - low), (tries, 2))
        luck = rng.random(tries)
        for place, chance in zip(places, luck, strict=True):
            if density is not None:
                r = min(max(int(place[0]), 0), shape[0] - 1)
                c = min(max(int(place[1]), 0), shape[1] - 1)
                if density[r, c] < chance:
                    continue
            if count:
                gap = centres[:count] - place
                room = spacing * (kept[:count] + radius)
                if np.any((gap * gap).sum(1) < room * room):
                    continue
            if count == 0:  # at least one object is well inside
                inset = min(radius, 0.3 * min(shape))
                place = np.clip(place, inset, np.array(shape) - inset)
            centres[count] = place
            kept[count] = radius
            count += 1
            break
    return centres[:count], kept[:count]


def clusters(rng: np.random.Generator, shape: tuple[int, int], scale: float, share: float) -> Array:
    """A density with crowded and empty regions; about ``share`` of the plane is crowded."""
    field = noise(rng, shape, scale, 2)
    cut = np.quantile(field[::4, ::4], 1 - share)
    return np.clip((field - cut) * 3 + 0.5, 0.0, 1.0)


def lattice(
    rng: np.random.Generator, shape: tuple[int, int], pitch: float, jitter: float
) -> NDArray[np.float64]:
    """Centres of a shaken hexagonal packing that covers the plane and its surroundings."""
    rows = np.arange(-pitch, shape[0] + pitch, pitch * 0.87)
    cols = np.arange(-pitch, shape[1] + pitch, pitch)
    grid = np.stack(np.meshgrid(rows, cols, indexing="ij"), axis=-1)
    grid[1::2, :, 1] += pitch / 2
    points = grid.reshape(-1, 2)
    return points + rng.normal(0, jitter * pitch, points.shape)
