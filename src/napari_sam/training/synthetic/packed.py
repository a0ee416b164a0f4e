"""Stacks of cells without a gap between them: stained membranes, and neurites of EM.

Space is divided by a power diagram: every voxel belongs to the ball it is nearest to, with the
squared radius taken off the squared distance. A cell is one ball, a neurite a chain of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial import cKDTree
from skimage.segmentation import find_boundaries

from napari_sam.training.synthetic.fields import Array
from napari_sam.training.synthetic.placement import log_uniform
from napari_sam.training.synthetic.territory import Labels, tidy
from napari_sam.training.synthetic.volumes import Size, expose_volume, noise_3d

#: Stacks whose objects touch on all sides.
PACKED_KINDS: tuple[str, ...] = ("membrane_stack", "neurite_stack")

Floats = NDArray[np.floating[Any]]
Drawn = tuple[NDArray[np.uint16], Labels, dict[str, Any]]


def draw_packed(rng: np.random.Generator, kind: str, shape: Size) -> Drawn:
    """Draw a stack.

    Parameters
    ----------
    kind : str
        One of :data:`PACKED_KINDS`.
    shape : (int, int, int)
        Planes, rows, columns.

    Returns
    -------
    image, labels : ndarray
        (Z, Y, X), uint16 and int32.
    info : dict
        ``spacing`` is the voxel size along z, y and x in pixels.
    """
    draw = {"membrane_stack": _membranes, "neurite_stack": _neurites}[kind]
    step = float(rng.uniform(1.0, 2.2))
    image, labels = draw(rng, shape, step)
    return image, labels, {"kind": kind, "spacing": (round(step, 3), 1.0, 1.0)}


def _membranes(
    rng: np.random.Generator, shape: Size, step: float
) -> tuple[NDArray[np.uint16], Labels]:
    """A tissue whose walls are stained, as of plants and epithelia; around it may be nothing."""
    extent = np.array([shape[0] * step, *shape[1:]])
    diameter = log_uniform(rng, 12.0, max(16.0, min(0.5 * extent[0] + 8, 0.3 * min(shape[1:]))))
    centres = _apart(rng, extent, diameter)
    radii = 0.5 * diameter * np.exp(rng.normal(0, 0.15, len(centres)))
    numbers = np.arange(1, len(centres) + 1)
    if rng.random() < 0.6:  # the tissue ends within the stack
        middle = extent * rng.uniform(0.35, 0.65, 3)
        half = np.maximum(extent * rng.uniform(0.4, 0.75), 1.5 * diameter)
        numbers[(((centres - middle) / half) ** 2).sum(axis=1) > 1] = 0
    owner = _nearest(rng, shape, step, (centres, radii, numbers), 0.1 * diameter)
    labels = tidy(owner, int(0.05 * diameter**3 / step))
    away = _from_walls(labels, step)
    width = rng.uniform(0.9, 1.6)
    patchy = np.clip(0.85 + 0.2 * noise_3d(rng, shape, diameter / 2, step), 0.3, 1.2)
    level = rng.uniform(0.02, 0.2) * np.exp(rng.normal(0, 0.3, int(labels.max()) + 1))
    level[0] = 0.01
    inside = level[labels] * (1 + 0.2 * noise_3d(rng, shape, max(3.0, diameter / 6), step))
    light = np.exp(-((away / width) ** 2)) * patchy + np.maximum(inside, 0)
    return expose_volume(rng, light.astype(np.float32), step), labels


def _neurites(
    rng: np.random.Generator, shape: Size, step: float
) -> tuple[NDArray[np.uint16], Labels]:
    """Neuropil in a block face: bent processes of unequal width between dark membranes."""
    diameter = log_uniform(rng, 10.0, 0.25 * min(shape[1:]))
    balls = _processes(rng, np.array([shape[0] * step, *shape[1:]]), diameter)
    owner = tidy(_nearest(rng, shape, step, balls, 0.08 * diameter), int(diameter**2))
    gaps = owner == 0  # what was cut off from its process goes to the neighbour
    if gaps.any():
        nearest = distance_transform_edt(gaps, (step, 1, 1), False, True)
        owner = owner[tuple(nearest)]
    away = _from_walls(owner, step)
    width = rng.uniform(0.7, 1.4)
    labels = tidy(np.where(away > 0.6 * width, owner, 0), int(0.5 * diameter**2))
    tones = 1 + rng.uniform(0.02, 0.12) * rng.standard_normal(int(owner.max()) + 1)
    image = (0.68 + 0.05 * noise_3d(rng, shape, 2.0, step)) * tones[owner]
    vesicles = noise_3d(rng, shape, max(2.5, diameter / 8), step)
    image -= 0.2 * np.clip(vesicles - 1.4, 0, 1) * (away > 2)
    mitochondria = noise_3d(rng, shape, max(5.0, diameter / 2.5), step)
    image -= rng.uniform(0.1, 0.25) * ((mitochondria > 1.5) & (away > 2 * width + 1))
    image -= 0.5 * np.exp(-((away / (width + 0.4)) ** 2))
    return _scanned(rng, image.astype(np.float32), step), labels


def _scanned(rng: np.random.Generator, image: Array, step: float) -> NDArray[np.uint16]:
    """Photograph a block face slice by slice: each is a little brighter or darker, and grainy."""
    sharp = rng.uniform(0.4, 0.9)
    image = gaussian_filter(image, (sharp / step, sharp, sharp))
    image += rng.uniform(0.02, 0.07) * rng.standard_normal(image.shape, dtype=np.float32)
    image += 0.02 * rng.standard_normal((len(image), 1, 1), dtype=np.float32)
    return np.round(4000 * np.clip(image, 0, 1)).astype(np.uint16)


def _apart(rng: np.random.Generator, extent: Floats, diameter: float) -> Floats:
    """Throw centres into a box and a little beyond it, not nearer than three quarters of a cell."""
    edge = 0.6 * diameter
    count = int(np.clip(2.2 * np.prod(extent + 2 * edge) / diameter**3, 4, 4000))
    kept = np.empty((0, 3))
    for place in rng.uniform(-edge, extent + edge, (4 * count, 3)):
        if len(kept) == count:
            break
        if not len(kept) or (((kept - place) ** 2).sum(axis=1) > (0.75 * diameter) ** 2).all():
            kept = np.concatenate([kept, place[None]])
    return kept


def _processes(
    rng: np.random.Generator, extent: Floats, diameter: float
) -> tuple[Floats, Floats, NDArray[np.integer[Any]]]:
    """Chains of balls through a box until it is full: places, radii, and whose they are."""
    edge, filled, room = 0.5 * diameter, 0.0, float(np.prod(extent + diameter))
    places, radii, numbers = [], [], []
    for number in range(1, 2000):
        if filled > room:
            break
        size = 0.5 * diameter * float(np.exp(rng.normal(0, 0.4)))
        stride = 0.5 * size
        start = rng.uniform(-edge, extent + edge)
        ahead = rng.normal(size=3)
        line = [start]
        for way in (1, -1):
            place, heading = start, way * ahead / np.linalg.norm(ahead)
            while ((place > -edge) & (place < extent + edge)).all() and len(line) < 400:
                heading = heading + rng.normal(0, 0.18, 3)
                heading /= np.linalg.norm(heading)
                place = place + stride * heading
                line.append(place)
        swelling = gaussian_filter(rng.standard_normal(len(line)), 6, mode="nearest")
        girth = size * np.exp(rng.uniform(0.3, 1.2) * swelling)
        places += line
        radii += girth.tolist()
        numbers += [number] * len(line)
        filled += float((np.pi * girth**2 * stride).sum())
    return np.array(places), np.array(radii), np.array(numbers)


def _nearest(
    rng: np.random.Generator,
    shape: Size,
    step: float,
    balls: tuple[Floats, Floats, NDArray[np.integer[Any]]],
    bend: float,
) -> NDArray[np.int64]:
    """Return the number of the ball that every voxel is nearest to; walls are bent by ``bend``.

    A fourth coordinate makes a power diagram one of nearest points.
    """
    places, radii, numbers = balls
    lift = np.sqrt(radii.max() ** 2 - radii**2)
    tree = cKDTree(np.concatenate([places, lift[:, None]], axis=1))
    where = np.stack(np.indices(shape, np.float32), axis=-1)
    where[..., 0] = (where[..., 0] + 0.5) * step
    for axis in range(3):
        where[..., axis] += bend * noise_3d(rng, shape, 8 * bend, step)
    flat = np.concatenate([where.reshape(-1, 3), np.zeros((where[..., 0].size, 1))], axis=1)
    return np.asarray(numbers[tree.query(flat)[1]].reshape(shape), np.int64)


def _from_walls(owner: NDArray[np.integer[Any]], step: float) -> Array:
    """Distance to the nearest wall, in pixels of a plane.

    Between planes a wall is half a step away from both, within a plane it has pixels of its own.
    """
    within = np.stack([find_boundaries(plane, connectivity=1) for plane in owner])
    every = find_boundaries(owner, connectivity=1)
    away = [distance_transform_edt(~walls, (step, 1, 1)) for walls in (within, every)]
    return np.minimum(away[0], away[1] + step / 2).astype(np.float32)
