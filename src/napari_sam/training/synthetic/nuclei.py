"""Fluorescence nuclei: sparse, crowded, overlapping, textured, dividing, tiny."""

from __future__ import annotations

import numpy as np

from napari_sam.training.synthetic.fields import Array, blur, noise
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.placement import clusters, log_uniform, radii, scatter
from napari_sam.training.synthetic.territory import Labels, Territory, outline, tidy


def chromatin(
    rng: np.random.Generator, q: Array, diameter: float, contrast: float | None = None
) -> Array:
    """Brightness inside nuclei (about 1): mottled, with bright spots or dark nucleoli."""
    shape = q.shape
    if contrast is None:
        contrast = rng.uniform(0.04, 0.28)
    body = 1 + np.float32(contrast) * noise(rng, shape, max(1.5, diameter / 7), 2)
    dome = np.float32(rng.uniform(0.0, 0.55))
    body *= 1 - dome * np.minimum(q, 1.0) ** 2
    style = rng.random()
    if diameter > 14 and style < 0.5:
        field = noise(rng, shape, max(1.6, diameter / rng.uniform(7, 12)))
        if style < 0.25:  # chromocentres
            body += np.float32(rng.uniform(0.2, 0.9)) * np.clip(field - 1.2, 0, 0.8)
        else:  # nucleoli
            body *= 1 - np.float32(rng.uniform(0.3, 0.8)) * np.clip(field - 1.0, 0, 1)
    return np.maximum(body, 0.05)


def place_nuclei(
    rng: np.random.Generator,
    shape: tuple[int, int],
    diameter: float,
    coverage: float,
    spacing: float,
    density: Array | None = None,
    spread: float = 0.18,
) -> Territory:
    """Oval, slightly lobed nuclei; below spacing 1 they flatten against each other."""
    sizes = radii(rng, shape, diameter, coverage, spread)
    centres, sizes = scatter(rng, shape, sizes, spacing, density)
    bend = rng.uniform(0.01, 0.07) * diameter if diameter > 14 else 0.0
    land = Territory(shape, rng, bend, rng.uniform(0.6, 1.2) * diameter)
    mean_oval, oval = rng.uniform(0.0, 0.4), rng.uniform(0.05, 0.25)
    rough = rng.uniform(0.005, 0.05)
    common = rng.uniform(0, np.pi) if rng.random() < 0.2 else None
    for centre, size in zip(centres, sizes, strict=True):
        angle = rng.uniform(0, np.pi) if common is None else rng.normal(common, 0.25)
        contour = outline(rng, 3 * rough if rng.random() < 0.1 else rough, 5)
        land.blob(centre, size, float(np.exp(abs(rng.normal(mean_oval, oval)))), angle, contour)
    return land


def glow(rng: np.random.Generator, land: Territory, labels: Labels, diameter: float) -> Array:
    """Light of labelled nuclei, with a different brightness for each."""
    level = tones(rng, int(labels.max()), 1.0, rng.uniform(0.05, 0.45))[labels]
    light = np.where(labels > 0, level * chromatin(rng, land.q, diameter), 0)
    if rng.random() < 0.5:  # thinner towards the rim
        light *= np.clip(0.25 + (1 - land.q) / rng.uniform(0.1, 0.4), 0, 1)
    return light.astype(np.float32)


def specks(rng: np.random.Generator, shape: tuple[int, int], count: int, level: float) -> Array:
    """Unlabelled bright dust, one to two pixels wide."""
    dust = np.zeros(shape, np.float32)
    rows, cols = rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)
    dust[rows, cols] = rng.uniform(1, 6, count).astype(np.float32) * np.float32(level)
    return blur(dust, rng.uniform(0.6, 1.1))


def haze(rng: np.random.Generator, shape: tuple[int, int], diameter: float) -> Array:
    """Dim cytoplasm or autofluorescence between nuclei."""
    cloud = np.clip(noise(rng, shape, 1.7 * diameter, 3) + rng.uniform(-0.5, 1), 0, None)
    return np.float32(rng.uniform(0.02, 0.13)) * cloud


def _painting(
    rng: np.random.Generator, land: Territory, diameter: float, min_area: int = 9
) -> Painting:
    labels = land.labels(min_area)
    signal = glow(rng, land, labels, diameter)
    if rng.random() < 0.4:
        signal += haze(rng, labels.shape, diameter)
    if rng.random() < 0.25:
        signal += specks(rng, labels.shape, int(rng.integers(2, 25)), rng.uniform(0.3, 1.2))
    return Painting(signal, labels, "emission", diameter)


def sparse(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """A few nuclei apart from each other, of any size."""
    diameter = log_uniform(rng, 10, 0.4 * min(shape))
    coverage = log_uniform(rng, 0.04, 0.3)
    return _painting(
        rng, place_nuclei(rng, shape, diameter, coverage, rng.uniform(1.1, 1.5)), diameter
    )


def dense(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Crowded nuclei that touch and deform."""
    diameter = log_uniform(rng, 10, 0.22 * min(shape))
    density = clusters(rng, shape, 4 * diameter, rng.uniform(0.35, 1.0))
    land = place_nuclei(
        rng, shape, diameter, rng.uniform(1.0, 2.2), rng.uniform(0.72, 0.98), density
    )
    return _painting(rng, land, diameter)


def tiny(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Nuclei of six to eleven pixels, as at low magnification."""
    diameter = rng.uniform(6, 11)
    density = clusters(rng, shape, 6 * diameter, rng.uniform(0.3, 1.0))
    land = place_nuclei(
        rng, shape, diameter, rng.uniform(0.1, 0.8), rng.uniform(0.85, 1.2), density
    )
    return _painting(rng, land, diameter, 6)


def overlapping(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Two layers of nuclei whose light adds up; the upper layer owns the shared pixels."""
    diameter = log_uniform(rng, 14, 0.25 * min(shape))
    density = clusters(rng, shape, 4 * diameter, rng.uniform(0.3, 0.8))
    lower = place_nuclei(rng, shape, diameter, rng.uniform(0.4, 1.0), 0.95, density)
    upper = place_nuclei(rng, shape, diameter, rng.uniform(0.2, 0.6), 1.0, density)
    under, top = lower.labels(), upper.labels()
    smallest = max(9, int(0.02 * diameter**2))
    labels = tidy(np.where(top > 0, top + under.max(), under), smallest)
    under[(labels == 0) & (top == 0)] = 0  # pieces too small to count are not drawn either
    top[labels == 0] = 0
    deep = glow(rng, lower, under, diameter)
    if rng.random() < 0.5:  # the lower layer lies a little out of focus
        deep = blur(deep, rng.uniform(0.02, 0.06) * diameter)
    signal = deep * np.float32(rng.uniform(0.4, 1.0)) + glow(rng, upper, top, diameter)
    return Painting(signal, labels, "emission", diameter)


def textured(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Large nuclei at high magnification with nucleoli and chromocentres."""
    diameter = log_uniform(rng, 45, 0.6 * min(shape))
    land = place_nuclei(rng, shape, diameter, rng.uniform(0.3, 1.0), rng.uniform(0.9, 1.2))
    labels = land.labels(40)
    signal = glow(rng, land, labels, diameter)
    holes = np.clip(noise(rng, shape, diameter / rng.uniform(6, 9)) - 1.1, 0, 1)
    spots = np.clip(noise(rng, shape, diameter / rng.uniform(11, 20)) - 1.4, 0, 1)
    grain = noise(rng, shape, max(1.5, diameter / 25), 2)
    inner = np.clip((0.93 - land.q) * 9, 0, 1)
    signal *= 1 - inner * np.clip(rng.uniform(0.3, 1.1) * holes, 0, 0.85)
    signal *= 1 + inner * np.float32(rng.uniform(0.2, 1.2)) * spots
    signal *= 1 + np.float32(rng.uniform(0.02, 0.12)) * grain
    return Painting(np.maximum(signal, 0).astype(np.float32), labels, "emission", diameter)


def mitotic(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Interphase nuclei among bright metaphase plates and separating anaphase pairs."""
    diameter = log_uniform(rng, 18, 0.25 * min(shape))
    sizes = radii(rng, shape, 1.15 * diameter, rng.uniform(0.4, 0.9), 0.12)
    centres, sizes = scatter(rng, shape, sizes, 1.05)
    land = Territory(shape, rng, 0.035 * diameter, 0.3 * diameter)
    bright: list[float] = [0.0]
    for centre, size in zip(centres, sizes, strict=True):
        angle, size = rng.uniform(0, np.pi), 0.87 * size
        rough = outline(rng, 0.07, 9)
        stage = rng.random()
        if stage < 0.6:
            land.blob(centre, size, rng.uniform(1, 1.4), angle, outline(rng, 0.02, 5))
            bright.append(rng.uniform(0.25, 0.6))
        elif stage < 0.72:  # prophase: round, condensed
            land.blob(centre, 0.9 * size, 1.05, angle, rough)
            bright.append(rng.uniform(0.6, 0.9))
        elif stage < 0.86:  # metaphase plate
            land.blob(centre, 0.62 * size, rng.uniform(2.0, 3.6), angle, rough)
            bright.append(rng.uniform(0.9, 1.5))
        else:  # anaphase: two plates that are two objects
            apart = rng.uniform(0.35, 0.75) * size
            for side in (-1, 1):
                where = centre + side * apart * np.array([np.cos(angle), -np.sin(angle)])
                land.blob(where, 0.46 * size, rng.uniform(2.0, 3.0), angle, outline(rng, 0.08, 9))
                bright.append(rng.uniform(0.8, 1.4))
    labels = land.labels(12)
    owner = np.zeros(int(labels.max()) + 1, int)
    owner[labels.ravel()] = land.owner.ravel()
    owner[0] = 0
    level = np.asarray(bright, np.float32)[owner]
    signal = level[labels] * chromatin(rng, land.q, diameter, 0.18) * (labels > 0)
    if rng.random() < 0.5:
        signal += haze(rng, shape, diameter)
    return Painting(signal.astype(np.float32), labels, "emission", diameter)


def confocal(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """One noisy plane of a thick specimen: nuclei above and below shine through, unlabelled."""
    diameter = log_uniform(rng, 12, 0.35 * min(shape))
    land = place_nuclei(rng, shape, diameter, rng.uniform(0.2, 0.9), rng.uniform(0.85, 1.1))
    labels = land.labels(12)
    signal = glow(rng, land, labels, diameter)
    for _ in range(2):
        other = place_nuclei(rng, shape, diameter, rng.uniform(0.1, 0.5), 1.0)
        faint = np.where(other.owner > 0, 1.0, 0.0).astype(np.float32)
        signal += np.float32(rng.uniform(0.1, 0.4)) * blur(faint, rng.uniform(0.12, 0.3) * diameter)
    if rng.random() < 0.4:  # bright walls or autofluorescence in lines
        line = np.exp(-((noise(rng, shape, 2.5 * diameter, 2) / 0.04) ** 2))
        signal += np.float32(rng.uniform(0.1, 0.5)) * line * (labels == 0)
    signal += np.float32(rng.uniform(0.05, 0.3)) * (1 + 0.4 * noise(rng, shape, 2 * diameter, 2))
    speckle = blur(rng.standard_normal(shape, dtype=np.float32), rng.uniform(0.4, 0.8))
    signal += np.float32(rng.uniform(0.1, 0.9)) * speckle * np.sqrt(np.maximum(signal, 0))
    return Painting(np.maximum(signal, 0).astype(np.float32), labels, "emission", diameter)


PAINTERS: dict[str, Painter] = {
    "nuclei_sparse": sparse,
    "nuclei_dense": dense,
    "nuclei_tiny": tiny,
    "nuclei_overlapping": overlapping,
    "nuclei_textured": textured,
    "nuclei_mitotic": mitotic,
    "nuclei_confocal": confocal,
}
