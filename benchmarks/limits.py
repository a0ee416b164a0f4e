"""Contrast limits of planes: how many are plain percentiles, and which are not.

    python benchmarks/limits.py [--data DATA] [--seeds 3]

DATA holds images as ``NAME.image.tif``. Prints the limits of every plane whose limits are not
percentiles, then drawn planes: one cell on noise (objects found, best IoU) and empty frames, with
percentiles as limits and with those of `napari_sam.contrast.contrast_limits`, and the time that
limits take on 2048 x 2048 pixels.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

import napari_sam as ns
from napari_sam import images
from napari_sam.contrast import PERCENTILES, contrast_limits
from napari_sam.files import read_image


def percentiles(plane: np.ndarray) -> tuple[float, float]:
    """Return the limits as percentiles alone give them."""
    low, high = np.percentile(plane.astype(np.float64), PERCENTILES)
    return float(low), float(high)


def real_planes(folder: Path) -> None:
    """Print the planes of a folder whose limits are no percentiles."""
    seen = 0
    for path in sorted(folder.glob("*.image.tif")):
        data = np.asarray(read_image(path).pixels)
        for plane in images.planes(data.shape):
            seen += 1
            pixels = plane.take(data)
            before, after = percentiles(pixels), contrast_limits(pixels)
            # a large plane's are of every some pixels
            if not np.allclose(before, after, rtol=0.02, atol=2):
                print(f"{path.name} {plane.index}: {before} -> {after}")
    print(f"{seen} planes")


def drawn(seed: int, cell: bool) -> tuple[np.ndarray, np.ndarray]:
    """Draw a plane of noise, with a cell or without, and the cell's mask."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:512, :512]
    truth = (rows - 256) ** 2 + (columns - 256) ** 2 < 81
    clean = gaussian_filter((truth & cell) * 2500.0, 1) + 200
    noise = gaussian_filter(rng.normal(0, 40, clean.shape), 1)
    return (clean + noise).clip(0).astype(np.uint16), truth


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.data is not None:
        real_planes(arguments.data)
    model = ns.load_model("cells")
    for cell in (True, False):
        for seed in range(arguments.seeds):
            image, truth = drawn(seed, cell)
            for name, limits in (("percentiles", percentiles(image)), ("limits", None)):
                start = time.perf_counter()
                labels = ns.segment_cells(image, model=model, limits=limits).labels
                seconds = time.perf_counter() - start
                ious = [
                    ((labels == one) & truth).sum() / ((labels == one) | truth).sum()
                    for one in np.unique(labels[labels > 0])
                ]
                kind = "one cell" if cell else "empty"
                best = f"best IoU {max(ious, default=0):.2f}, " if cell else ""
                print(f"{kind}, {name}: {len(ious)} objects, {best}{seconds:.1f} s")
    large = np.random.default_rng(0).normal(200, 40, (2048, 2048)).astype(np.uint16)
    for name, limit in (("percentiles", percentiles), ("limits", contrast_limits)):
        start = time.perf_counter()
        limit(large)
        print(f"{name} of 2048 x 2048 pixels: {1e3 * (time.perf_counter() - start):.0f} ms")


if __name__ == "__main__":
    main()
