"""Any look for any shape: known outlines drawn again as no instrument in particular shows them.

Microscopes not thought of here show objects with some difference of tone, texture or rim. A
network that has seen such differences in all combinations depends less on any of them.

References
----------
Billot et al., SynthSeg: segmentation of brain MRI scans of any contrast and resolution without
retraining, Medical Image Analysis 2023: the same idea, for anatomy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from napari_sam.training.crops import object_depth
from napari_sam.training.synthetic.fields import Array, blur, fibres, noise
from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.placement import log_uniform
from napari_sam.training.synthetic.territory import Labels

#: Outlines less steep than this, in shares of what is around, show nobody where objects end.
_VISIBLE = 1.6
#: Instruments that may look at it, and how often each does.
_OPTICS = {"emission": 0.3, "transmission": 0.3, "electron": 0.15, "colour": 0.15, "plain": 0.1}


def any_look(painters: Mapping[str, Painter]) -> Painter:
    """Make a painter that borrows the outlines of others and invents the look."""
    names = tuple(painters)

    def paint(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
        borrowed = painters[names[int(rng.integers(len(names)))]](rng, shape)
        return draw_again(rng, borrowed.labels)

    return paint


@dataclass(frozen=True)
class _Shapes:
    """Outlines, and how far every pixel is from them.

    Attributes
    ----------
    labels : (H, W) int32 array
    depth, distance : (H, W) float32 array
        Pixels to the own border from inside, and to the nearest object from outside.
    relative : (H, W) float32 array
        Depth over the largest depth of the object, 0 to 1.
    radius : float
        Median of the objects' largest depths.
    """

    labels: Labels
    depth: Array
    distance: Array
    relative: Array
    radius: float

    @classmethod
    def of(cls, labels: Labels) -> _Shapes:
        depth = object_depth(labels).astype(np.float32)
        deepest = np.ones(int(labels.max()) + 1, np.float32)
        np.maximum.at(deepest, labels.ravel(), depth.ravel())
        distance = ndi.distance_transform_edt(labels == 0).astype(np.float32)
        radius = float(np.median(deepest[1:])) if len(deepest) > 1 else 8.0
        return cls(labels, depth, distance, depth / deepest[labels], radius)


def draw_again(rng: np.random.Generator, labels: Labels) -> Painting:
    """Draw labelled objects with a random look.

    Parameters
    ----------
    labels : (H, W) int32 array
        Ids 1..n without gaps.

    Returns
    -------
    Painting
        Neighbours that touch differ by a rim, a dome or their tones.
    """
    shapes = _Shapes.of(labels)
    optics = str(rng.choice(list(_OPTICS), p=list(_OPTICS.values())))
    signal = _grey(rng, shapes)
    for _ in range(4):
        if _outlined(signal, shapes) > _VISIBLE:
            break
        signal = _grey(rng, shapes)
    scale = min(2 * shapes.radius, 40.0)
    if optics == "colour":
        return Painting(_coloured(rng, signal), labels, optics, scale)
    if optics == "emission":
        signal = np.maximum(signal - np.float32(np.quantile(signal[::2, ::2], 0.02)), 0)
    return Painting(signal, labels, optics, scale)


def _outlined(signal: Array, shapes: _Shapes) -> float:
    """How much steeper the greys are on outlines than elsewhere."""
    steep = ndi.gaussian_gradient_magnitude(signal, 1.0, truncate=2.5)
    away = shapes.depth + shapes.distance
    if not (away > 3).any():
        return np.inf
    return float(steep[away <= 1.5].mean() / max(steep[away > 3].mean(), 1e-6))


def _grey(rng: np.random.Generator, shapes: _Shapes) -> Array:
    """Tones, then texture, rims, spots, relief and clutter: each of them now and then."""
    labels, inside = shapes.labels, shapes.labels > 0
    count = int(labels.max())
    # What tells objects from the background and from each other.
    contrast = rng.choice([-1, 1]) * log_uniform(rng, 0.06, 0.6) if rng.random() < 0.75 else 0.0
    rim = rng.choice([-1, 1]) * log_uniform(rng, 0.12, 0.6) if rng.random() < 0.55 else 0.0
    dome = rng.choice([-1, 1]) * rng.uniform(0.3, 1.0) if rng.random() < 0.5 else 0.0
    if not rim and abs(dome * contrast) < 0.08:  # neighbours that touch would be one
        rim = rng.choice([-1, 1]) * rng.uniform(0.15, 0.6)
    tone = contrast * tones(rng, count, 1.0, rng.uniform(0.04, 0.3))[labels]
    profile = shapes.relative ** rng.uniform(0.3, 1.5)
    image = 0.5 + tone * (1 + dome * (profile - 0.5)) * inside
    image += _texture(rng, shapes, log_uniform(rng, 0.005, 0.2)) * inside
    image += _texture(rng, shapes, log_uniform(rng, 0.003, 0.12)) * ~inside
    image += rim * _band(rng, shapes)
    if rng.random() < 0.35:  # a halo, or a shadow, around every object
        reach = log_uniform(rng, 1.0, max(1.5, 0.8 * shapes.radius))
        halo = np.exp(-shapes.distance / reach) * ~inside
        image += rng.choice([-1, 1]) * log_uniform(rng, 0.05, 0.5) * halo
    if rng.random() < 0.3:  # something darker or brighter in the middle of every object
        depth = rng.uniform(0.3, 0.75)
        core = np.clip((shapes.relative - depth) / 0.12, 0, 1)
        strength = rng.choice([-1, 1]) * log_uniform(rng, 0.05, 0.5)
        image += strength * tones(rng, count, 1.0, 0.3)[labels] * core
    if rng.random() < 0.25:  # granules or vacuoles
        spots = np.clip(noise(rng, labels.shape, log_uniform(rng, 1.5, 6.0)) - 1.2, 0, 1.5)
        image += rng.choice([-1, 1]) * rng.uniform(0.1, 0.4) * spots * inside
    if rng.random() < 0.2:
        image += _relief(rng, shapes)
    if rng.random() < 0.3:
        image += _clutter(rng, shapes) * ~inside
    return image.astype(np.float32)


def _band(rng: np.random.Generator, shapes: _Shapes) -> Array:
    """1 on the outlines, fading inwards, outwards or both ways within a few pixels."""
    width = log_uniform(rng, 0.8, max(1.2, min(0.3 * shapes.radius, 6.0)))
    inwards = np.exp(-((np.maximum(shapes.depth - 1, 0) / width) ** 2)) * (shapes.labels > 0)
    outwards = np.exp(-((np.maximum(shapes.distance - 1, 0) / width) ** 2)) * (shapes.labels == 0)
    band = inwards if rng.random() < 0.4 else inwards + outwards
    if rng.random() < 0.3:  # stained unevenly
        patches = noise(rng, shapes.labels.shape, max(4.0, shapes.radius))
        band = band * np.clip(1 + rng.uniform(0.2, 0.5) * patches, 0.3, 2)
    return np.asarray(band, np.float32)


def _texture(rng: np.random.Generator, shapes: _Shapes, strength: float) -> Array:
    """Grain of any size, streaks or fibres."""
    shape, size = shapes.labels.shape, log_uniform(rng, 1.0, max(2.0, shapes.radius))
    kind = rng.random()
    if kind < 0.7:
        field = noise(rng, shape, size, int(rng.integers(1, 4)))
    elif kind < 0.85:
        field = noise(rng, shape, size, 2, (1.0, 5.0) if rng.random() < 0.5 else (5.0, 1.0))
    else:
        field = fibres(rng, shape, max(1.5, 0.5 * size))
    return np.float32(strength) * field


def _relief(rng: np.random.Generator, shapes: _Shapes) -> Array:
    """Shading as if lit from one side."""
    hill = blur(shapes.relative, max(1.0, 0.12 * shapes.radius))
    rows, columns = np.gradient(hill)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.sin(angle) * rows + np.cos(angle) * columns
    return np.asarray(slope * min(shapes.radius, 25.0) * rng.uniform(0.1, 0.5), np.float32)


def _clutter(rng: np.random.Generator, shapes: _Shapes) -> Array:
    """What lies about between the objects and is none of them: specks, threads, clouds."""
    shape = shapes.labels.shape
    strength = rng.choice([-1, 1]) * log_uniform(rng, 0.05, 0.35)
    kind = rng.random()
    if kind < 0.4:
        field = np.clip(noise(rng, shape, log_uniform(rng, 1.5, 4.0)) - 1.6, 0, 1.5)
    elif kind < 0.7:
        field = np.clip(fibres(rng, shape, log_uniform(rng, 1.5, 4.0)) - 1.4, 0, 1.5)
    else:
        field = noise(rng, shape, log_uniform(rng, 0.5, 2.0) * shapes.radius + 4, 2)
    return np.float32(strength) * field


def _coloured(rng: np.random.Generator, signal: Array) -> Array:
    """Run the greys between three colours."""
    low, high = np.quantile(signal[::2, ::2], (0.01, 0.99))
    share = np.clip((signal - low) / max(high - low, 1e-3), 0, 1)
    colours = rng.uniform(0, 1, (3, 3))
    # From dark to bright, so that no two greys become one.
    colours = colours[np.argsort(colours.sum(1))]
    colours[0] *= rng.uniform(0.3, 1.0)
    mixed = [np.interp(share, (0.0, rng.uniform(0.3, 0.7), 1.0), c) for c in colours.T]
    return np.stack(mixed, axis=-1).astype(np.float32)
