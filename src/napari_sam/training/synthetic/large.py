"""Objects that fill much of the field: organoids, spheroids, colonies, algae balls."""

from __future__ import annotations

import numpy as np

from napari_sam.training.synthetic.fields import Array, blur, fibres, noise
from napari_sam.training.synthetic.nuclei import place_nuclei
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.placement import log_uniform, radii, scatter
from napari_sam.training.synthetic.territory import Territory, outline
from napari_sam.training.synthetic.transmitted import debris


def bodies(
    rng: np.random.Generator,
    shape: tuple[int, int],
    low: float,
    high: float,
    rough: float,
    coverage: tuple[float, float] = (0.15, 0.6),
) -> tuple[Territory, float]:
    """Large lobed bodies of mixed size that hardly touch."""
    diameter = log_uniform(rng, low, high)
    sizes = radii(rng, shape, diameter, rng.uniform(*coverage), 0.35)
    sizes = np.clip(np.sort(sizes)[::-1], 5, 0.48 * min(shape))
    centres, sizes = scatter(rng, shape, sizes, rng.uniform(0.95, 1.15), tries=6)
    land = Territory(shape, rng, 0.03 * diameter, 0.3 * diameter)
    for centre, size in zip(centres, sizes, strict=True):
        contour = outline(rng, rough * float(np.exp(rng.normal(0, 0.4))), 8)
        land.blob(centre, size, float(np.exp(abs(rng.normal(0, 0.15)))), 0.0, contour)
    return land, diameter


def organoids(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Hollow or filled organoids in gel, brightfield: dark rim, lumen, budding contours."""
    land, diameter = bodies(rng, shape, 30, 0.85 * min(shape), 0.06)
    labels = land.labels(60)
    inside = labels > 0
    q = land.q
    grain = noise(rng, shape, max(2.0, diameter / 14), 3)
    hollow = rng.random(int(labels.max()) + 1) < rng.uniform(0.2, 0.9)
    shell = np.exp(-(((q - 0.88) / rng.uniform(0.06, 0.16)) ** 2))
    level = tones(rng, int(labels.max()), rng.uniform(0.15, 0.4), 0.3)[labels]
    filled = level * np.clip(1.0 + 0.45 * grain, 0.1, 2) * (1 - 0.35 * q**2)
    dark = np.where(hollow[labels], level * (1.2 * shell + 0.25 + 0.12 * grain), filled)
    image = 0.7 - np.where(inside, dark, 0)
    halo = np.exp(-(((q - 1.04) / 0.06) ** 2))
    image = image + rng.uniform(0, 0.25) * halo * ~inside
    image = image + 0.035 * noise(rng, shape, 25, 3)
    dirt = debris(rng, shape, int(rng.integers(0, 50)), rng.uniform(0.8, 2.5))
    image = image - 0.3 * dirt * ~inside
    if rng.random() < 0.4:
        far = debris(rng, shape, 4, 0.2 * diameter)
        image = image - 0.12 * blur(far * ~inside, 0.06 * diameter + 3)
    return Painting(image.astype(np.float32), labels, "transmission", min(diameter, 40))


def spheroids(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Dense balls of fluorescent cells; the ball is the object."""
    land, diameter = bodies(rng, shape, 35, 0.9 * min(shape), 0.04, (0.15, 0.45))
    labels = land.labels(80)
    inside = labels > 0
    cell = max(5.0, diameter / rng.uniform(6, 14))
    grains = place_nuclei(rng, shape, cell, 2.0, 0.75)
    level = tones(rng, grains.count, 1.0, 0.4)[grains.owner]
    core = 1 - np.float32(rng.uniform(0.0, 0.6)) * np.exp(-((land.q / 0.6) ** 2))
    light = 0.3 + rng.uniform(0.2, 0.9) * blur(level, max(0.6, 0.1 * cell))
    ball = tones(rng, int(labels.max()), 1.0, 0.3)[labels]
    signal = np.where(inside, light * core * ball, 0).astype(np.float32)
    return Painting(signal, labels, "emission", min(diameter, 30))


def colonies(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Colonies on a plate, in grey or colour: glossy, rough or lobed; all sizes."""
    rough = rng.choice([0.01, 0.02, 0.08])
    land, diameter = bodies(rng, shape, 10, 0.5 * min(shape), rough, (0.05, 0.5))
    labels = land.labels(20)
    inside = labels > 0
    level = tones(rng, int(labels.max()), 1.0, 0.12)[labels]
    dome = np.where(inside, np.sqrt(np.clip(1 - land.q**2, 0, 1)), 0)
    body = level * (0.6 + 0.3 * dome + 0.06 * noise(rng, shape, max(2.0, diameter / 6), 3))
    if rng.random() < 0.2:  # growth rings
        wave = np.cos(land.q * rng.uniform(6, 20) + noise(rng, shape, diameter / 3))
        body = body + rng.uniform(0.02, 0.1) * wave * inside
    agar = 0.5 + rng.uniform(0, 0.05) * noise(rng, shape, 60, 2) + 0.02 * noise(rng, shape, 1.5)
    side = rng.uniform(0, 2 * np.pi)
    slope = np.gradient(blur(dome.astype(np.float32), max(1.0, 0.04 * diameter)))
    shade = (np.sin(side) * slope[0] + np.cos(side) * slope[1]) * min(diameter, 40) * 0.12
    gleam = np.clip((land.q < 0.75) * (0.2 - np.abs(land.q - 0.5)) * 3, 0, 1)
    body = body + shade + rng.uniform(0, 0.3) * gleam * (shade > 0.05)
    if rng.random() < 0.5:
        contrast = rng.choice([-0.35, 0.4])
        image = agar + np.where(inside, contrast * body, 0)
        return Painting(image.astype(np.float32), labels, "transmission", min(diameter, 40))
    paper = np.clip(rng.uniform(0.25, 0.85) + rng.normal(0, 0.09, 3), 0.05, 0.95)
    paint = np.clip(paper + rng.choice([-1, 1]) * rng.uniform(0.15, 0.5, 3), 0.05, 1)
    colour = np.where(inside[..., None], body[..., None] * paint, (agar * 1.6)[..., None] * paper)
    return Painting(colour.astype(np.float32), labels, "colour", min(diameter, 40))


def stem_colonies(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Clumps of cells in phase contrast: bright knobbly texture with a shining rim."""
    land, diameter = bodies(rng, shape, 30, 0.7 * min(shape), 0.11, (0.1, 0.5))
    labels = land.labels(60)
    inside = labels > 0
    cell = float(np.clip(diameter / rng.uniform(4, 9), 6, 30))
    knobs = noise(rng, shape, cell, 2)
    fine = noise(rng, shape, max(1.6, cell / 4), 2)
    body = 0.5 + 0.16 * knobs + 0.1 * fine - 0.3 * np.exp(-((knobs / 0.2) ** 2))
    rim = np.exp(-(((land.q - 0.97) / 0.07) ** 2)) * rng.uniform(0.2, 0.6)
    level = tones(rng, int(labels.max()), 1.0, 0.15)[labels]
    ground = rng.uniform(0.08, 0.4)
    image = np.where(inside, level * np.maximum(body, 0.05), ground)
    image = image + blur(rim.astype(np.float32), 0.8)
    image = image + rng.uniform(0.005, 0.03) * noise(rng, shape, 20, 3)
    dirt = debris(rng, shape, int(rng.integers(0, 60)), rng.uniform(0.8, 1.6))
    image = image + rng.choice([-0.15, 0.25]) * dirt * ~inside
    if rng.random() < 0.4:
        image = image + _chamber(rng, shape) * ~inside
    return Painting(image.astype(np.float32), labels, "transmission", min(diameter, 30))


def _chamber(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """The shining walls of a rectangular well that is not an object."""
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    centre, half = rng.uniform(0, 1, 2) * shape, rng.uniform(0.15, 0.5, 2) * shape
    edge = np.maximum(np.abs(rows - centre[0]) - half[0], np.abs(cols - centre[1]) - half[1])
    decay = np.exp(-np.abs(edge) / rng.uniform(2, 5))
    wall = decay * np.cos(edge * rng.uniform(0.4, 1.0)) - 0.15 * ((edge < 0) & (edge > -20))
    return (rng.uniform(0.2, 0.6) * wall * (1 + 0.3 * noise(rng, shape, 4))).astype(np.float32)


def algae(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Ball-shaped algae in dark field: rings of bright cells around an empty middle."""
    land, diameter = bodies(rng, shape, 18, 0.5 * min(shape), 0.02, (0.1, 0.45))
    labels = land.labels(40)
    inside = labels > 0
    dots = np.clip(noise(rng, shape, max(1.6, diameter / rng.uniform(12, 25))) - 0.4, 0, 2)
    shell = np.exp(-(((land.q - 0.86) / 0.14) ** 2))
    inner = rng.uniform(0.02, 0.5) + shell
    signal = np.where(inside, inner * (0.25 + dots), 0)
    young = np.clip(noise(rng, shape, diameter / 4) - 1.0, 0, 1) * (land.q < 0.7)
    signal = signal + rng.uniform(0, 1.2) * young * inside
    if rng.random() < 0.3:
        scratches = np.clip(fibres(rng, shape, 3.0) - 2.2, 0, 1)
        signal = signal + 0.6 * scratches * ~inside
    return Painting(signal.astype(np.float32), labels, "emission", 0.4 * diameter)


PAINTERS: dict[str, Painter] = {
    "organoids": organoids,
    "spheroids": spheroids,
    "colonies": colonies,
    "stem_colonies": stem_colonies,
    "algae_balls": algae,
}
