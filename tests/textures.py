"""Real pictures that come with scikit-image, and drawn ones, none of them noise."""

from __future__ import annotations

from functools import cache

import numpy as np
import skimage.data
from scipy.ndimage import gaussian_filter


@cache
def textures() -> dict[str, np.ndarray]:
    """Planes by name: those that are part of scikit-image itself, and dense textures."""
    rng = np.random.default_rng(0)
    cells = gaussian_filter(rng.normal(0, 1, (300, 300)), 6)
    dense = (cells > 0).astype(np.float64) * 60 + rng.normal(100, 20, cells.shape)
    return {
        "coins": skimage.data.coins(),
        "camera": skimage.data.camera(),
        "page": skimage.data.page(),
        "moon": skimage.data.moon(),
        "dense": dense,
        "tissue": 1000 + 50 * gaussian_filter(rng.normal(0, 3, (300, 300)), 3),
        "ramp": np.linspace(0, 100, 40000).reshape(200, 200),
    }
