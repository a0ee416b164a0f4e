"""Long thin objects: worms, threads, diatoms, sperm-like cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_sam.training.synthetic.fields import blur, noise
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.phase import defocused
from napari_sam.training.synthetic.placement import log_uniform
from napari_sam.training.synthetic.territory import Labels, Territory, tidy


def _wander(
    rng: np.random.Generator, start: NDArray[np.floating], length: float, step: float, wave: float
) -> NDArray[np.float64]:
    """A smooth path: an undulation plus a slow turn."""
    count = max(4, int(length / step))
    s = np.linspace(0, 1, count)
    heading = rng.uniform(0, 2 * np.pi) + wave * np.sin(
        2 * np.pi * (s * rng.uniform(0.6, 1.8) + rng.random())
    )
    heading = heading + rng.normal(0, 0.8) * s
    steps = np.stack([np.sin(heading), np.cos(heading)], 1) * (length / count)
    path = np.cumsum(steps, 0)
    return path - path.mean(0) + start


def _cuts(before: Labels, after: Labels) -> bool:
    """Whether an object was cut in two, or nearly hidden, by a later one."""
    count = int(before.max())
    left = np.bincount(after.ravel(), minlength=count + 1)[1 : count + 1]
    whole = np.bincount(tidy(after, 1, renumber=False).ravel(), minlength=count + 1)
    whole = whole[1 : count + 1]
    area = np.bincount(before.ravel(), minlength=count + 1)[1:]
    return bool(np.any(left - whole > 8) or np.any(left < 0.5 * area))


def _lay(
    rng: np.random.Generator,
    shape: tuple[int, int],
    width: float,
    length: float,
    count: int,
    wave: float,
    taper: bool,
    crowd: float,
    overlap: float = 0.0,
) -> Territory:
    """Lay objects that may touch; one that would cut another in two is left out.

    ``overlap`` is the chance that an object may lie on top of the end of another.
    """
    land = Territory(shape)
    bound = np.array(shape) - 1
    for _ in range(count * 4):
        start = rng.uniform(-0.1, 1.1, 2) * shape
        line = _wander(rng, start, length * float(np.exp(rng.normal(0, 0.2))), width, wave)
        seen = line[(line >= 0).all(1) & (line <= bound).all(1)]
        if len(seen) < 3:
            continue
        rows, cols = seen.astype(int).T
        meets = land.q[rows, cols].min() < crowd
        if meets and rng.random() > overlap:
            continue
        s = np.linspace(0, 1, len(line))
        ends = np.clip(np.minimum(s * 7, (1 - s) * 4.5), 0.25, 1) if taper else np.ones(len(line))
        kept = (land.owner.copy(), land.q.copy()) if meets else None
        land.tube(line, 0.5 * width * ends * rng.uniform(0.9, 1.1), over=meets)
        if kept is not None and _cuts(kept[0], land.owner):
            land.owner, land.q = kept
            land.count -= 1
        if land.count >= count:
            break
    return land


def worms(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Roundworms on agar: dark rims, granular gut, sinuous; in brightfield or fluorescence."""
    width = log_uniform(rng, 6, 0.11 * min(shape))
    length = width * rng.uniform(9, 17)
    count = int(np.clip(rng.uniform(0.1, 0.45) * shape[0] * shape[1] / (width * length), 1, 40))
    land = _lay(
        rng, shape, width, length, count, rng.uniform(0.3, 1.1), True, 2.1, rng.choice([0, 0.5])
    )
    labels = land.labels(30)
    inside = labels > 0
    across = np.where(inside, land.q, 1).astype(np.float32)
    grain = noise(rng, shape, max(1.5, width / 5), 2)
    level = tones(rng, int(labels.max()), 1.0, 0.2)[labels]
    gut = np.clip(1 - (across / 0.6) ** 2, 0, 1) * (0.6 + 0.5 * grain)
    if rng.random() < 0.25:
        body = level * (0.35 + 0.65 * gut) * np.maximum(1 + 0.3 * grain, 0.1)
        return Painting(np.where(inside, body, 0).astype(np.float32), labels, "emission", width)
    thick = np.where(inside, np.sqrt(np.clip(1 - 0.9 * across**2, 0, 1)), 0).astype(np.float32)
    image = defocused(thick, max(0.8, 0.08 * width), rng.uniform(-1.4, 1.4), rng.uniform(0, 0.15))
    rim = np.exp(-(((across - 0.92) / 0.13) ** 2)) * inside
    image = image - rng.uniform(0.15, 0.35) * blur(rim.astype(np.float32), 0.6)
    image = image - rng.uniform(0.05, 0.3) * gut * level * inside
    image = image + 0.03 * noise(rng, shape, 2.5 * width, 3)
    if rng.random() < 0.4:  # tracks and a lawn
        image = image + 0.05 * np.clip(noise(rng, shape, max(2.0, width / 3), 2) - 1, 0, 2)
    return Painting(image.astype(np.float32), labels, "transmission", width)


def threads(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Hyphae and other threads: thin, long, apart from each other, with septa."""
    width = log_uniform(rng, 4, 12)
    length = rng.uniform(0.5, 1.6) * min(shape)
    count = int(rng.integers(2, 16))
    land = _lay(rng, shape, width, length, count, rng.uniform(0.1, 0.9), False, 2.6)
    labels = land.labels(30)
    inside = labels > 0
    level = tones(rng, int(labels.max()), 1.0, 0.25)[labels]
    texture = np.maximum(1 + 0.25 * noise(rng, shape, max(1.5, width / 2), 2), 0.1)
    body = np.where(inside, np.sqrt(np.clip(1 - 0.85 * land.q**2, 0, 1)) * texture * level, 0)
    body = body.astype(np.float32)
    if rng.random() < 0.5:
        return Painting(body, labels, "emission", width)
    sign = rng.choice([-1.0, 1.0])
    image = defocused(body, max(0.8, 0.1 * width), sign * rng.uniform(0.8, 1.8), 0.15)
    image = image + 0.02 * noise(rng, shape, 12, 3)
    return Painting(image.astype(np.float32), labels, "transmission", width)


def spindles(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Diatoms and spindle-shaped cells: stiff, pointed, striped, at every angle."""
    width = log_uniform(rng, 6, 30)
    aspect = rng.uniform(3, 9)
    count = int(np.clip(0.4 * shape[0] * shape[1] / (width**2 * aspect), 2, 120))
    land = Territory(shape)
    for _ in range(count * 3):
        centre = rng.uniform(-0.05, 1.05, 2) * shape
        angle = rng.uniform(0, np.pi)
        half = 0.5 * width * aspect * rng.uniform(0.7, 1.2)
        s = np.linspace(-1, 1, 9)
        sway = rng.normal(0, 0.06) * half * (s**2)
        line = centre + np.stack(
            [np.sin(angle) * s * half + np.cos(angle) * sway, np.cos(angle) * s * half], 1
        )
        spots = np.clip(line, 0, np.array(shape) - 1).astype(int)
        if land.q[spots[:, 0], spots[:, 1]].min() < 2.0:
            continue
        land.tube(line, 0.5 * width * np.clip(1 - s**2, 0.12, 1) ** 0.7)
        if land.count >= count:
            break
    labels = land.labels(20)
    inside = labels > 0
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    tilt = rng.uniform(0, np.pi)
    stripes = np.sin((rows * np.sin(tilt) + cols * np.cos(tilt)) * 2 * np.pi / max(2.5, width / 5))
    level = tones(rng, int(labels.max()), 1.0, 0.2)[labels]
    pigment = np.clip(noise(rng, shape, width / 2.5, 2) + 0.3, 0, 2)
    body = level * (0.3 + 0.35 * pigment + rng.uniform(0, 0.1) * stripes)
    rim = np.exp(-(((land.q - 0.92) / 0.12) ** 2))
    if rng.random() < 0.35:
        signal = np.where(inside, body + 0.2 * rim, 0)
        return Painting(np.maximum(signal, 0).astype(np.float32), labels, "emission", width)
    image = 0.8 - np.where(inside, 0.35 * body + rng.uniform(0.1, 0.35) * rim, 0)
    image = image + 0.02 * noise(rng, shape, 15, 3)
    return Painting(image.astype(np.float32), labels, "transmission", width)


PAINTERS: dict[str, Painter] = {"worms": worms, "threads": threads, "spindles": spindles}
