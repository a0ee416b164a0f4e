"""The front door: from a kind and a seed to a sample."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from napari_sam.errors import DataError

from . import bacteria, cells, electron, large, nuclei, slender, tissue, transmitted
from .optics import expose
from .scene import Painter, Sample

PAINTERS: dict[str, Painter] = {
    **nuclei.PAINTERS,
    **cells.PAINTERS,
    **transmitted.PAINTERS,
    **bacteria.PAINTERS,
    **tissue.PAINTERS,
    **electron.PAINTERS,
    **slender.PAINTERS,
    **large.PAINTERS,
}
#: Names that :func:`generate` accepts.
KINDS: tuple[str, ...] = tuple(PAINTERS)


def stream(name: str, seed: int) -> np.random.Generator:
    """Random numbers that depend on the name and the seed only."""
    return np.random.default_rng([int(seed), crc32(name.encode())])


def generate(
    kind: str | None = None, seed: int = 0, shape: tuple[int, int] = (256, 256)
) -> Sample:
    """Make one image with its exact labels.

    Parameters
    ----------
    kind : str, optional
        One of :data:`KINDS`; without it, the seed picks one.
    seed : int
        The same kind, seed and shape always give the same sample.
    shape : (int, int)
        Rows and columns, at least 32.

    Returns
    -------
    Sample
        Image of dtype uint8, uint16 or float32, (H, W) or (H, W, 3); int32 labels (H, W).

    Examples
    --------
    >>> sample = generate("nuclei_dense", seed=3, shape=(64, 96))
    >>> sample.labels.shape, sample.info["count"] == sample.labels.max()
    ((64, 96), True)
    """
    shape = _checked_shape(shape, 2)
    if kind is None:
        kind = KINDS[int(stream("kind", seed).integers(len(KINDS)))]
    if kind not in PAINTERS:
        raise DataError(f"Unknown kind of synthetic image: {kind!r}. Known: {', '.join(KINDS)}.")
    rng = stream(kind, seed)
    scene = PAINTERS[kind](rng, shape)
    image, done = expose(rng, scene)
    area = np.bincount(scene.labels.ravel())[1:]
    diameter = float(np.sqrt(np.median(area) * 4 / np.pi)) if area.size else 0.0
    info = {"kind": kind, "seed": int(seed), "diameter": diameter, "count": int(area.size)}
    return Sample(image, scene.labels, {**info, **scene.info, **done})


def _checked_shape(shape: tuple[int, ...], ndim: int) -> tuple[int, int]:
    if len(shape) != ndim or min(shape) < 32:
        raise DataError(f"Expected a shape of {ndim} lengths of at least 32 pixels, got {shape}.")
    return tuple(int(length) for length in shape)  # type: ignore[return-value]
