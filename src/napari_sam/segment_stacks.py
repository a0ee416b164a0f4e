"""Whole stacks and movies from a script: cells as objects in space, and as tracks in time."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, TypeVar

from napari_sam import checks
from napari_sam.engine.whole import ModelSource, models_for, segment_image
from napari_sam.errors import ImageError
from napari_sam.images import Image
from napari_sam.methods.option import given
from napari_sam.methods.options import CellOptions
from napari_sam.methods.track import TrackOptions
from napari_sam.methods.volume import VolumeOptions
from napari_sam.pixel_size import PixelSize
from napari_sam.progress import Progress, silent
from napari_sam.segmentation import Segmentation
from napari_sam.stacks.tracks import Tracks

Kind = TypeVar("Kind", bound=CellOptions)


def segment_volume(
    stack: Any,
    model: ModelSource = "cells",
    *,
    spacing: tuple[float, float, float] | None = None,
    options: CellOptions | None = None,
    finder: ModelSource = "cells",
    pixel_size: PixelSize | None = None,
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    out: Any = None,
    device: str = "auto",
    progress: Progress = silent,
    **settings: Any,
) -> Segmentation:
    """Find all cells of a stack; a cell has one id on all its slices.

    Cells are found slice by slice and then joined over z by their overlap and distance, with the
    evidence of all slices together: see `napari_sam.stacks.volumes.link_slices`. Dim rims, which
    light out of focus lays around them, are left out (`napari_sam.stacks.rims`).

    Parameters
    ----------
    stack : (Z, H, W) or (Z, H, W, 3) array, or Image
        Dask and zarr arrays are read slice by slice.
    model : Model, str or Path
        A loaded model, a name from the zoo, or a checkpoint's path.
    spacing : (z, row, column), optional
        Distance between slices, rows and columns; taken from `pixel_size` where that knows it,
        else all equal.
    options : CellOptions, optional
        How cells are cut out on every slice.
    finder : Model, str or Path
        Who says where cells are when `model` has no learned automatic head.
    pixel_size : PixelSize, optional
        Adds columns in its unit to the table.
    limits : (low, high), optional
        Contrast limits of all slices; by default each slice has its own, but one without objects
        is not brightened until it shows some.
    rgb : bool, optional
        Whether the last axis is colour; guessed from the shape by default.
    out : (Z, H, W) integer array, optional
        What to write the labels into, zarr for example.
    device : str
        Where to load a model given by name.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.
    **settings
        Fields of `napari_sam.methods.volume.VolumeOptions`, such as ``diameter=30``; they hold
        before those of `options`.

    Returns
    -------
    Segmentation
        ``labels`` int32 (or `out`), and a row per object: ``label, score, voxels, slices``,
        centroid and box, and ``volume`` where the spacing is known.

    Raises
    ------
    ImageError, LabelsError, ModelError, ParameterError, Cancelled

    Examples
    --------
    >>> import numpy as np
    >>> grid = np.indices((9, 64, 64))
    >>> ball = np.hypot(np.hypot(grid[0] - 4, grid[1] - 30), grid[2] - 30) < 12
    >>> volume = segment_volume(np.where(ball, 200, 10).astype(np.uint8), spacing=(1, 1, 1))
    >>> volume.labels.shape
    (9, 64, 64)
    """
    image = _checked(Image.of(stack, rgb=rgb, limits=limits, pixel_size=pixel_size), "Z")
    if spacing is not None:
        settings["spacing"] = spacing
    wanted = _options(VolumeOptions, options, settings)
    checks.reports(progress)
    models = models_for(wanted, model, finder, device)
    return segment_image(image, wanted, models, out=out, progress=progress)


def track_cells(
    movie: Any,
    model: ModelSource = "cells",
    *,
    options: CellOptions | None = None,
    max_gap: int | None = None,
    divisions: bool | None = None,
    finder: ModelSource = "cells",
    pixel_size: PixelSize | None = None,
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    out: Any = None,
    device: str = "auto",
    progress: Progress = silent,
    **settings: Any,
) -> Tracks:
    """Find all cells of a movie and follow them through their divisions.

    Parameters
    ----------
    movie : (T, H, W), (T, H, W, 3) or (T, Z, H, W) array, or Image
        Dask and zarr arrays are read frame by frame. In a movie of stacks, cells are joined over
        z first.
    model, options, finder, pixel_size, limits, rgb, device, progress
        See `segment_volume`.
    max_gap : int, optional
        Frames for which a cell may be missing and still keep its id; 2, unless `options` say
        otherwise.
    divisions : bool, optional
        Whether cells that appear may be daughters; yes, unless `options` say otherwise.
    out : integer array of the movie's shape, optional
        What to write the labels into, zarr for example.
    **settings
        Fields of `napari_sam.methods.track.TrackOptions`, such as ``diameter=30``.

    Returns
    -------
    Tracks
        ``labels`` int32 (or `out`) with one id per track, ``table`` with a row per track,
        ``parents`` from daughter to mother.

    Raises
    ------
    ImageError, LabelsError, ModelError, ParameterError, Cancelled

    Examples
    --------
    >>> import numpy as np
    >>> grid = np.indices((64, 96))
    >>> discs = [np.hypot(grid[0] - 30, grid[1] - 30 - 4 * t) < 12 for t in range(3)]
    >>> movie = np.where(np.stack(discs), 200, 10).astype(np.uint8)
    >>> track_cells(movie).labels.shape
    (3, 64, 96)
    """
    image = Image.of(movie, rgb=rgb, limits=limits, pixel_size=pixel_size)
    if image.axes.startswith("QQYX"):  # times before slices, as everybody has them
        image = replace(image, axes=f"TZ{image.axes[2:]}")
    _checked(image, "T")
    said = {"max_gap": max_gap, "divisions": divisions}
    settings |= {name: value for name, value in said.items() if value is not None}
    wanted = _options(TrackOptions, options, settings)
    checks.reports(progress)
    models = models_for(wanted, model, finder, device)
    tracks = segment_image(image, wanted, models, out=out, progress=progress)
    assert isinstance(tracks, Tracks)
    return tracks


def _options(kind: type[Kind], options: CellOptions | None, settings: dict[str, Any]) -> Kind:
    """Make options of those of cells, and of what was given by name.

    Raises
    ------
    ParameterError
    """
    known = {} if options is None else asdict(options)
    made: Kind = given(kind, {**known, **settings})
    return made


def _checked(image: Image, letter: str) -> Image:
    """Refuse what has no planes to be joined, or several axes and none of that name.

    Raises
    ------
    ImageError
    """
    if len(image.shape) == 3 or (len(image.shape) > 3 and letter in image.axes):
        return image
    raise ImageError(
        f"Expected a stack or movie (Z, H, W) or (Z, H, W, 3), got shape {image.shape}. Pick a "
        "channel first, or a time point of a movie of stacks; or name the axes, as in "
        "napari_sam.Image(pixels, 'TZYX')."
    )
