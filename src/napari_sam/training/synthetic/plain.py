"""Plain figures: flat disks, ellipses, boxes and blobs, as in saturated or thresholded images."""

from __future__ import annotations

import numpy as np
from skimage.draw import ellipse, polygon

from napari_sam.training.synthetic.painting import Painter, Painting, tones
from napari_sam.training.synthetic.placement import log_uniform, radii, scatter
from napari_sam.training.synthetic.territory import Labels


def silhouettes(rng: np.random.Generator, shape: tuple[int, int]) -> Painting:
    """Figures without any texture, apart from each other, all alike or each in its own tone."""
    diameter = log_uniform(rng, 8, 0.6 * min(shape))
    sizes = radii(rng, shape, diameter, rng.uniform(0.1, 0.5), rng.choice([0.02, 0.3]))
    sizes = np.clip(np.sort(sizes)[::-1], 3.5, 0.45 * min(shape))
    centres, sizes = scatter(rng, shape, sizes, rng.uniform(1.08, 1.6))
    labels: Labels = np.zeros(shape, dtype=np.int32)
    form = rng.choice(["disk", "ellipse", "box", "any"], p=[0.4, 0.3, 0.1, 0.2])
    for centre, size in zip(centres, sizes, strict=True):
        rows, columns = _figure(rng, str(form), centre, float(size), shape)
        labels[rows, columns] = int(labels.max()) + 1
    spread = 0.0 if rng.random() < 0.6 else rng.uniform(0.1, 0.5)
    level = tones(rng, int(labels.max()), 0.7, spread, rng.uniform(0.0, 0.35))
    return Painting(level[labels].astype(np.float32), labels, "plain", diameter)


def _figure(
    rng: np.random.Generator,
    form: str,
    centre: np.ndarray,
    size: float,
    shape: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of one figure that stays within its radius."""
    if form == "any":
        form = str(rng.choice(["disk", "ellipse", "box"]))
    if form == "box":
        half = size / np.sqrt(2)
        low, high = centre - half * np.array([1, rng.uniform(0.5, 1)]), centre + half
        corners = np.array([low, (low[0], high[1]), high, (high[0], low[1])])
        found = polygon(corners[:, 0], corners[:, 1], shape)
    else:
        minor = size if form == "disk" else size * rng.uniform(0.45, 1.0)
        turn = rng.uniform(-np.pi, np.pi)
        found = ellipse(centre[0], centre[1], size, minor, shape, rotation=turn)
    return found


PAINTERS: dict[str, Painter] = {"silhouettes": silhouettes}
