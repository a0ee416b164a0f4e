"""The front door: from a kind and a seed to a sample."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from napari_sam.errors import DataError
from napari_sam.training.synthetic import (
    bacteria,
    branching,
    cells,
    dim,
    discs,
    electron,
    flat,
    large,
    nuclei,
    partitions,
    plain,
    slender,
    tissue,
    transmitted,
    yeast,
)
from napari_sam.training.synthetic.looks import any_look
from napari_sam.training.synthetic.optics import expose
from napari_sam.training.synthetic.packed import PACKED_KINDS, draw_packed
from napari_sam.training.synthetic.painting import Painter, Sample
from napari_sam.training.synthetic.timelapse import expose_timelapse, paint_timelapse
from napari_sam.training.synthetic.volumes import NUCLEI_KINDS, draw_nuclei

PAINTERS: dict[str, Painter] = {
    **nuclei.PAINTERS,
    **cells.PAINTERS,
    **transmitted.PAINTERS,
    **bacteria.PAINTERS,
    **yeast.PAINTERS,
    **tissue.PAINTERS,
    **electron.PAINTERS,
    **slender.PAINTERS,
    **large.PAINTERS,
    **plain.PAINTERS,
    **dim.PAINTERS,
    **branching.PAINTERS,
    **partitions.PAINTERS,
    **discs.PAINTERS,
    **flat.PAINTERS,
}
PAINTERS["any_look"] = any_look(dict(PAINTERS))
#: Names that :func:`generate` accepts.
KINDS: tuple[str, ...] = tuple(PAINTERS)
#: Names that :func:`generate_volume` accepts.
VOLUME_KINDS: tuple[str, ...] = (*NUCLEI_KINDS, *PACKED_KINDS)


def stream(name: str, seed: int) -> np.random.Generator:
    """Random numbers that depend on the name and the seed only."""
    return np.random.default_rng([int(seed), crc32(name.encode())])


def generate(kind: str | None = None, seed: int = 0, shape: tuple[int, int] = (256, 256)) -> Sample:
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
    >>> sample.labels.shape, sample.info["count"] == int(sample.labels.max())
    ((64, 96), True)
    """
    shape = _checked_shape(shape, 2)
    if kind is None:
        kind = KINDS[int(stream("kind", seed).integers(len(KINDS)))]
    if kind not in PAINTERS:
        raise DataError(f"Unknown kind of synthetic image: {kind!r}. Known: {', '.join(KINDS)}.")
    rng = stream(kind, seed)
    painting = PAINTERS[kind](rng, shape)
    for _ in range(5):  # a picture of nothing teaches nothing
        if np.count_nonzero(painting.labels) > 0.004 * painting.labels.size:
            break
        painting = PAINTERS[kind](rng, shape)
    image, done = expose(rng, painting)
    area = np.bincount(painting.labels.ravel())[1:]
    diameter = float(np.sqrt(np.median(area) * 4 / np.pi)) if area.size else 0.0
    info = {"kind": kind, "seed": int(seed), "diameter": diameter, "count": int(area.size)}
    return Sample(image, painting.labels, {**info, **painting.info, **done})


def generate_volume(
    kind: str | None = None, seed: int = 0, shape: tuple[int, int, int] = (24, 256, 256)
) -> Sample:
    """Make a stack with exact labels in three dimensions.

    Nuclei in fluorescence, thinly spread or crowded; cells with stained membranes; neurites in
    electron microscopy.

    Parameters
    ----------
    kind : str, optional
        One of :data:`VOLUME_KINDS`; without it, the seed picks one.
    seed : int
        The same kind, seed and shape always give the same sample.
    shape : (int, int, int)
        Planes (at least 4), rows and columns (at least 32).

    Returns
    -------
    Sample
        uint16 image and int32 labels (Z, Y, X). ``info["spacing"]`` is the voxel size along
        z, y and x in pixels.
    """
    _checked_shape(shape, 3)
    if kind is None:
        kind = VOLUME_KINDS[int(stream("volume", seed).integers(len(VOLUME_KINDS)))]
    if kind not in VOLUME_KINDS:
        known = ", ".join(VOLUME_KINDS)
        raise DataError(f"Unknown kind of synthetic stack: {kind!r}. Known: {known}.")
    draw = draw_packed if kind in PACKED_KINDS else draw_nuclei
    image, labels, info = draw(stream(kind, seed), kind, shape)
    volume = np.bincount(labels.ravel())[1:] * info["spacing"][0]
    diameter = float(np.cbrt(np.median(volume) * 6 / np.pi)) if volume.size else 0.0
    info |= {"seed": int(seed), "diameter": diameter, "count": int(volume.size)}
    return Sample(image, labels, info)


def generate_timelapse(seed: int = 0, shape: tuple[int, int, int] = (12, 256, 256)) -> Sample:
    """Make a movie of nuclei that wander, divide, enter and leave, with exact tracks.

    Parameters
    ----------
    seed : int
        The same seed and shape always give the same sample.
    shape : (int, int, int)
        Frames (at least 4), rows and columns (at least 32).

    Returns
    -------
    Sample
        uint16 image and int32 labels (T, Y, X). An id is a track: it is the same nucleus in
        every frame, without gaps. A nucleus that divides ends, and two new ids begin in the
        next frame; ``info["parents"]`` maps each of them to the id it came from.
    """
    _checked_shape(shape, 3)
    rng = stream("timelapse", seed)
    light, labels, parents, diameter = paint_timelapse(rng, shape)
    info = {"kind": "timelapse", "seed": int(seed), "diameter": diameter, "parents": parents}
    info["count"] = int(labels.max())
    return Sample(expose_timelapse(rng, light), labels, info)


def _checked_shape(shape: tuple[int, ...], ndim: int) -> tuple[int, int]:
    if len(shape) != ndim or min(shape[-2:]) < 32 or min(shape) < 4:
        raise DataError(
            f"Cannot draw an image of shape {tuple(shape)}: expected {ndim} lengths, "
            "rows and columns of at least 32 pixels and at least 4 planes or frames."
        )
    return tuple(int(length) for length in shape)
