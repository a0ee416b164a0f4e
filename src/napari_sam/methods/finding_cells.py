"""Cells are looked for: the model's maps are read, and cut as maps of their kind are."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from napari_sam import images
from napari_sam.methods.found_cells import FoundCells
from napari_sam.methods.found_distances import FoundDistances
from napari_sam.models.given import check_encoded
from napari_sam.models.model import SURROUNDINGS, Embedding, InstanceMaps, Model
from napari_sam.pixel_size import PixelSize
from napari_sam.progress import Progress, part, silent


def find_cells(
    pixels: npt.NDArray[Any],
    embedding: Embedding,
    model: Model,
    *,
    diameter: float | None = None,
    pixel_size: PixelSize | None = None,
    progress: Progress = silent,
) -> FoundCells:
    """Read the maps of a plane that is already encoded.

    Parameters
    ----------
    pixels : (H, W), (H, W, 3) or (H, W, 4) array
        The plane.
    embedding : Embedding
        What `model` made of it.
    model : Model
        With a learned automatic head.
    diameter : float, optional
        Typical object diameter in pixels; estimated by default.
    pixel_size : PixelSize, optional
        Adds columns in its unit to the table.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    FoundCells

    Raises
    ------
    ImageError, ModelError, ParameterError, Cancelled
    """
    check_encoded(model, embedding)
    images.check_plane(pixels)
    maps = model.instance_maps(embedding, diameter=diameter, progress=part(progress, 0.0, 0.95))
    found = _found_in(maps)(maps, pixels, source=model.name, pixel_size=pixel_size)
    progress(1.0)
    return found


def find_cells_around(
    pixels: npt.NDArray[Any],
    embedding: Embedding,
    model: Model,
    region: tuple[int, int, int, int],
    *,
    diameter: float | None = None,
    pixel_size: PixelSize | None = None,
    progress: Progress = silent,
) -> tuple[FoundCells, tuple[slice, slice]]:
    """Read the maps of a region and what is around it: quicker where the plane is large.

    Parameters
    ----------
    region : (r0, c0, r1, c1)
        Pixels of the plane, half open.

    Returns
    -------
    FoundCells
        Of a part of the plane, which reaches beyond the region by `SURROUNDINGS` diameters, so
        that objects of the region are there in full.
    part : (slice, slice)
        Its rows and columns.
    """
    maps = model.instance_maps(
        embedding, diameter=diameter, region=region, progress=part(progress, 0.0, 0.95)
    )
    around = math.ceil(SURROUNDINGS * maps.diameter)
    rows, columns = (
        slice(max(low - around, 0), min(high + around, side))
        for low, high, side in zip(region[:2], region[2:], maps.shape, strict=True)
    )
    found = _found_in(maps)(
        maps.crop(rows, columns), pixels[rows, columns], source=model.name, pixel_size=pixel_size
    )
    progress(1.0)
    return found, (rows, columns)


def _found_in(maps: InstanceMaps) -> type[FoundCells]:
    """Return what cuts objects out of such maps."""
    return FoundDistances if maps.kind == "distances" else FoundCells
