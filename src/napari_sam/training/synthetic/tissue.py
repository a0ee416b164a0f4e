"""Stained sections and smears in colour: absorption of one to three dyes."""

from __future__ import annotations

from colorsys import hsv_to_rgb

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_sam.training.synthetic.fields import Array, fibres, noise
from napari_sam.training.synthetic.nuclei import place_nuclei
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.placement import clusters, lattice, log_uniform, radii, scatter
from napari_sam.training.synthetic.territory import Labels, Territory, boundaries, outline

Dye = NDArray[np.float32]


def dye(rng: np.random.Generator, hue: float, depth: float, wander: float = 0.02) -> Dye:
    """Optical density per colour channel of a dye that looks like ``hue`` on white paper."""
    hue = (hue + rng.normal(0, wander)) % 1.0
    seen = np.array(hsv_to_rgb(hue, depth, rng.uniform(0.8, 0.97)), np.float32)
    density = -np.log(np.clip(seen, 0.03, 0.98))
    return (density / density.max()).astype(np.float32)


def _absorb(light: Dye, *layers: tuple[Array, Dye]) -> Array:
    total = np.zeros((*layers[0][0].shape, 3), np.float32)
    for amount, colour in layers:
        total += np.maximum(amount, 0).astype(np.float32)[..., None] * colour
    return np.exp(-total) * light


def _lamp(rng: np.random.Generator) -> Dye:
    return np.clip(rng.uniform(0.86, 1.0) + rng.normal(0, 0.015, 3), 0, 1).astype(np.float32)


def _tissue_nuclei(
    rng: np.random.Generator, shape: tuple[int, int], diameter: float
) -> tuple[Territory, NDArray[np.float64]]:
    """A mixture of oval, spindle-shaped and small round nuclei that follow the tissue.

    Returns the plane and, per nucleus, how pale its inside is (0 dense, 1 only a rim).
    """
    density = clusters(rng, shape, rng.uniform(3, 7) * diameter, rng.uniform(0.3, 1.0))
    course = rng.uniform(0, np.pi) + 0.9 * noise(rng, shape, 6 * diameter)
    if rng.random() < 0.35:  # glands: palisades along the level lines of a hidden relief
        relief = noise(rng, shape, rng.uniform(5, 10) * diameter)
        slope_rows, slope_cols = np.gradient(relief)
        steep = np.hypot(slope_rows, slope_cols) * diameter + 0.05
        band = np.exp(-(((relief - rng.uniform(-0.3, 0.6)) / steep) ** 2))
        density = np.maximum(band, 0.05 * (density > 0.5)).astype(np.float32)
        course = np.arctan2(slope_rows, slope_cols)
    sizes = radii(rng, shape, diameter, rng.uniform(0.3, 1.7), rng.uniform(0.12, 0.28))
    centres, sizes = scatter(rng, shape, sizes, rng.uniform(0.7, 1.1), density, 6)
    share = rng.dirichlet([1.2, 0.7, 0.7])
    oval, rough = rng.uniform(1.15, 1.9), rng.uniform(0.01, 0.06)
    land = Territory(shape, rng, 0.05 * diameter, 0.5 * diameter)
    pale = [0.0]
    vesicular = rng.uniform(0, 0.8)
    kinds = rng.choice(3, len(sizes), p=share)
    for centre, size, kind in zip(centres, sizes, kinds, strict=True):
        r, c = np.clip(centre.astype(int), 0, np.array(shape) - 1)
        angle = float(course[r, c]) + rng.normal(0, 0.35)
        if kind == 0:  # epithelium
            stretch = max(1.0, oval * float(np.exp(rng.normal(0, 0.18))))
            land.blob(centre, size, stretch, angle, outline(rng, rough, 6))
            pale.append(float(np.clip(vesicular + rng.normal(0, 0.2), 0, 0.9)))
        elif kind == 1:  # fibroblasts, vessel walls
            stretch = rng.uniform(2.2, 5.0)
            land.blob(centre, 0.85 * size, stretch, angle, outline(rng, 0.05, 5))
            pale.append(rng.uniform(0, 0.4))
        else:  # lymphocytes
            land.blob(centre, 0.75 * size, rng.uniform(1, 1.2), angle, outline(rng, 0.03, 6))
            pale.append(rng.uniform(0, 0.25))
    return land, np.asarray(pale)


def _nuclear_density(
    rng: np.random.Generator,
    land: Territory,
    labels: Labels,
    diameter: float,
    mean: float,
    pale: NDArray[np.float64],
) -> Array:
    """Dye bound to nuclei: unequal and clumped, with a dark rim where the inside is pale."""
    shape = labels.shape
    level = tones(rng, int(labels.max()), mean, rng.uniform(0.1, 0.4))
    clumps = noise(rng, shape, max(1.5, diameter / rng.uniform(6, 11)), 2)
    body = 1 + np.float32(rng.uniform(0.12, 0.4)) * np.clip(clumps, -1.5, 2.5)
    body = body * (1 - pale[land.owner] * np.clip(1.05 - land.q**4, 0, 1))
    body = body + 0.7 * pale[land.owner] * np.clip(clumps - 1.3, 0, 1)  # nucleoli
    cloudy = 1 + 0.2 * noise(rng, shape, 1.5 * diameter)
    return np.where(labels > 0, level[labels] * np.maximum(body * cloudy, 0.12), 0).astype(
        np.float32
    )


def _stroma(rng: np.random.Generator, shape: tuple[int, int], diameter: float) -> Array:
    """Background stain, 0..1: fibres, clouds, cell borders and empty lumens."""
    amount = 0.45 + 0.15 * noise(rng, shape, 2.5 * diameter, 3)
    if rng.random() < 0.75:
        amount = amount + rng.uniform(0.05, 0.22) * fibres(rng, shape, max(3.0, diameter / 3))
    amount = amount + rng.uniform(0.02, 0.1) * noise(rng, shape, max(1.5, diameter / 8), 2)
    if rng.random() < 0.6:  # lumens and fat
        field = noise(rng, shape, rng.uniform(2, 5) * diameter, 2)
        amount = amount * (1 - np.clip((field - rng.uniform(0.7, 1.6)) * 6, 0, 1))
    return np.clip(amount, 0, 1.2).astype(np.float32)


def _section(
    rng: np.random.Generator,
    shape: tuple[int, int],
    nuclear: Dye,
    counter: Dye,
    background: float,
) -> Painting:
    diameter = log_uniform(rng, 9, 0.2 * min(shape))
    land, pale = _tissue_nuclei(rng, shape, diameter)
    labels = land.labels(10)
    bound = _nuclear_density(rng, land, labels, diameter, rng.uniform(0.8, 1.9), pale)
    under = _stroma(rng, shape, diameter)
    if rng.random() < 0.4:  # nuclei below the focal plane, too faint to outline
        ghost = place_nuclei(rng, shape, diameter, 0.25, 1.1)
        bound = bound + 0.18 * np.clip(1.2 - ghost.q, 0, 1) * (labels == 0)
    image = _absorb(
        _lamp(rng), (bound, nuclear), (background * under, counter), (0.12 * under, nuclear)
    )
    return Painting(image, labels, "colour", diameter)


def pink_purple(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Blue-violet nuclei over pink fibres."""
    nuclear, counter = dye(rng, rng.uniform(0.66, 0.78), 0.6), dye(rng, 0.93, 0.45, 0.03)
    return _section(rng, shape, nuclear, counter, rng.uniform(0.3, 1.1))


def purple(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """One violet dye for everything: nuclei differ from the tissue by depth only."""
    hue = rng.uniform(0.7, 0.8)
    return _section(
        rng, shape, dye(rng, hue, 0.65), dye(rng, hue, 0.45, 0.015), rng.uniform(0.15, 0.8)
    )


def brown(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Immunostain: some nuclei brown, the others blue; all of them are objects."""
    painting = _section(rng, shape, dye(rng, 0.6, 0.45), dye(rng, 0.6, 0.2), rng.uniform(0.1, 0.4))
    labels = painting.labels
    share = rng.uniform(0.2, 0.8)
    positive = rng.random(int(labels.max()) + 1) < share
    positive[0] = False
    stained = positive[labels]
    gray = -np.log(np.clip(painting.signal.mean(2), 0.05, 1))
    amount = np.where(stained, rng.uniform(0.8, 1.5) * gray + 0.35, 0.0)
    diffuse = rng.uniform(0, 0.35) * np.clip(noise(rng, labels.shape, 2 * painting.scale, 2), 0, 2)
    seen = np.where(stained[..., None], 1.0, painting.signal).astype(np.float32)
    painting.signal = seen * _absorb(
        np.ones(3, np.float32),
        (amount + diffuse * ~stained, dye(rng, 0.06, 0.62) + np.float32(0.25)),
    )
    return painting


def any_hue(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Special stains: two dyes of arbitrary hues."""
    hue = rng.random()
    other = hue + rng.uniform(0.15, 0.6)
    nuclear, counter = dye(rng, hue, rng.uniform(0.5, 0.9)), dye(rng, other, rng.uniform(0.2, 0.6))
    return _section(rng, shape, nuclear, counter, rng.uniform(0.1, 0.9))


def smear(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Blood smear: pale red discs with a lighter centre and a few violet white cells."""
    diameter = log_uniform(rng, 16, 0.3 * min(shape))
    sizes = radii(rng, shape, diameter, rng.uniform(0.2, 0.8), 0.08)
    centres, sizes = scatter(rng, shape, sizes, rng.uniform(0.88, 1.1))
    land = Territory(shape, rng, 0.02 * diameter, 0.7 * diameter)
    white: list[bool] = [False]
    for centre, size in zip(centres, sizes, strict=True):
        large = rng.random() < 0.06
        size = size * rng.uniform(1.2, 1.6) if large else size
        oval = float(np.exp(abs(rng.normal(0, 0.1))))
        land.blob(centre, size, oval, rng.uniform(0, np.pi), outline(rng, 0.025, 5))
        white.append(large)
    labels = land.labels(20)
    is_white = np.asarray(white)[land.owner] & (labels > 0)
    red = (labels > 0) & ~is_white
    hollow = rng.uniform(0.2, 0.8)
    level = tones(rng, int(labels.max()), rng.uniform(0.4, 0.9), 0.12)[labels]
    disc = red * level * (1 - hollow * np.exp(-((land.q / 0.45) ** 2)))
    lobes = noise(rng, shape, diameter / 3)
    nucleus = is_white & (land.q < 0.8) & (lobes > -0.5)
    grain = 1 + 0.15 * noise(rng, shape, 2)
    image = _absorb(
        _lamp(rng),
        (disc, dye(rng, rng.uniform(0.95, 1.03), 0.4)),
        (is_white * 0.35 + nucleus * 1.4 * grain, dye(rng, 0.74, 0.7)),
        (0.05 + 0.02 * noise(rng, shape, 3 * diameter), dye(rng, 0.9, 0.2)),
    )
    return Painting(image, labels, "colour", diameter)


def plant(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Plant section: stained walls around empty cells; the object is the cell."""
    diameter = log_uniform(rng, 18, 0.35 * min(shape))
    land = Territory(shape, rng, 0.03 * diameter, 0.6 * diameter)
    for centre in lattice(rng, shape, diameter, 0.14):
        size = 0.5 * diameter * float(np.exp(rng.normal(0, 0.2)))
        land.blob(centre, size, rng.uniform(1, 1.4), rng.uniform(0, np.pi), None, limit=2.4)
    owner = land.owner
    away = distance_transform_edt(~boundaries(owner)).astype(np.float32)
    wall = max(1.0, diameter * rng.uniform(0.03, 0.09))
    solid = away <= wall
    held = Territory(shape)
    held.owner = np.where(solid, 0, owner).astype(np.int32)
    labels = held.labels(20)
    hue = rng.random()
    content = np.clip(noise(rng, shape, diameter / 3, 2) - 0.6, 0, 1) * (labels > 0)
    depth = np.where(labels > 0, 0.06, rng.uniform(0.6, 1.5)) * (
        1 + 0.12 * noise(rng, shape, max(1.5, wall), 2)
    )
    image = _absorb(
        _lamp(rng),
        (depth, dye(rng, hue, rng.uniform(0.4, 0.8))),
        (rng.uniform(0, 0.8) * content, dye(rng, rng.random(), 0.5)),
    )
    return Painting(image, labels, "colour", diameter)


PAINTERS: dict[str, Painter] = {
    "stain_pink_purple": pink_purple,
    "stain_purple": purple,
    "stain_brown": brown,
    "stain_any_hue": any_hue,
    "blood_smear": smear,
    "plant_section": plant,
}
