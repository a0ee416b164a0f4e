"""Whole stacks and movies from a script: cells as objects in space, and as tracks in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.contrast import contrast_limits, percentile_range
from napari_sam.engine.run import Encode, Result, needs_finder, run
from napari_sam.errors import ImageError
from napari_sam.images import Block, Image, check_plane
from napari_sam.loading import as_model
from napari_sam.methods.method import Encoded
from napari_sam.methods.options import CellOptions
from napari_sam.methods.registry import method_of
from napari_sam.models.model import Model
from napari_sam.pixel_size import PixelSize
from napari_sam.progress import Progress, part, silent
from napari_sam.segmentation import Segmentation
from napari_sam.stacks.link import link_labels
from napari_sam.stacks.tracks import Tracks
from napari_sam.stacks.volumes import Found, link_slices

SAMPLED = 9  # slices that tell how bright the stack is
DIMMEST = 0.35  # of the usual contrast: a slice without objects is not brightened beyond it

Source = Model | str | Path


def segment_volume(
    stack: Any,
    model: Source = "cells",
    *,
    spacing: tuple[float, float, float] | None = None,
    options: CellOptions | None = None,
    finder: Source = "cells",
    pixel_size: PixelSize | None = None,
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    out: Any = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Segmentation:
    """Find all cells of a stack; a cell has one id on all its slices.

    Cells are found slice by slice and then joined over z by their overlap and distance, with the
    evidence of all slices together: see `napari_sam.stacks.volumes.link_slices`.

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
    >>> grid = np.indices((9, 64, 64))
    >>> ball = np.hypot(np.hypot(grid[0] - 4, grid[1] - 30), grid[2] - 30) < 12
    >>> volume = segment_volume(np.where(ball, 200, 10).astype(np.uint8), spacing=(1, 1, 1))
    >>> volume.labels.shape
    (9, 64, 64)
    """
    image = _stack(Image.of(stack, rgb=rgb, limits=limits, pixel_size=pixel_size))
    size = image.pixel_size
    if spacing is None and size is not None and size.slice is not None:
        spacing = size.slice, size.row, size.column
    checks.reports(progress)
    runs = as_model(model, device)
    finding = part(progress, 0.0, 0.95)
    found = (_found(result) for result in each_slice(image, runs, finder, options, finding))
    shape = (image.shape[0], image.shape[1], image.shape[2])
    result = link_slices(found, shape, spacing=spacing, pixel_size=size, source=runs.name, out=out)
    progress(1.0)
    return result


def track_cells(
    movie: Any,
    model: Source = "cells",
    *,
    options: CellOptions | None = None,
    max_gap: int = 2,
    divisions: bool = True,
    finder: Source = "cells",
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Tracks:
    """Find all cells of a movie and follow them through their divisions.

    Parameters
    ----------
    movie : (T, H, W) or (T, H, W, 3) array, or Image
        Dask and zarr arrays are read frame by frame.
    model, options, finder, limits, rgb, device, progress
        See `segment_volume`.
    max_gap : int
        Frames for which a cell may be missing and still keep its id.
    divisions : bool
        Whether cells that appear may be daughters.

    Returns
    -------
    Tracks
        ``labels`` (T, H, W) int32 with one id per track, ``table`` with a row per track,
        ``parents`` from daughter to mother.

    Raises
    ------
    ImageError, ModelError, ParameterError, Cancelled

    Examples
    --------
    >>> grid = np.indices((64, 96))
    >>> discs = [np.hypot(grid[0] - 30, grid[1] - 30 - 4 * t) < 12 for t in range(3)]
    >>> movie = np.where(np.stack(discs), 200, 10).astype(np.uint8)
    >>> track_cells(movie).labels.shape
    (3, 64, 96)
    """
    image = _stack(Image.of(movie, rgb=rgb, limits=limits))
    checks.reports(progress)
    runs = as_model(model, device)
    labels = np.zeros(image.shape, np.int32)
    frames = list(image.blocks())
    finding = part(progress, 0.0, 0.9)
    for t, result in enumerate(each_slice(image, runs, finder, options, finding)):
        labels[t] = result.chosen.labels
    tracks = link_labels(
        labels,
        Frames(frames),
        max_gap=max_gap,
        divisions=divisions,
        progress=part(progress, 0.9, 1.0),
    )
    progress(1.0)
    return tracks


class Frames:
    """The blocks of a movie as an array that is read frame by frame."""

    def __init__(self, blocks: list[Block]) -> None:
        self._blocks = blocks
        self.shape = (len(blocks), *blocks[0].plane.shape)

    def __getitem__(self, t: int) -> npt.NDArray[Any]:
        return self._blocks[t].read()


def _stack(image: Image) -> Image:
    """Refuse what is no stack of planes.

    Raises
    ------
    ImageError
    """
    if len(image.shape) != 3:
        raise ImageError(
            f"Expected a stack or movie (Z, H, W) or (Z, H, W, 3), got shape {image.shape}. Pick "
            "a channel first, or a time point of a movie of stacks."
        )
    return image


def each_slice(
    image: Image,
    model: Model,
    finder: Source = "cells",
    options: CellOptions | None = None,
    progress: Progress = silent,
) -> Iterator[Result]:
    """Find the cells of every slice of an image, with a contrast that suits all of them."""
    wanted = options or CellOptions()
    method = method_of(wanted)
    sees = None
    if needs_finder(method, wanted, model):
        sees = as_model(finder, model.device)
    encode = None if image.limits is not None else _with_even_contrast(image, model, sees)
    return run(image, None, method, model, wanted, finder=sees, encode=encode, progress=progress)


def _with_even_contrast(image: Image, model: Model, finder: Model | None) -> Encode:
    """Encode slices with their own contrast, but empty ones without making noise of nothing."""
    blocks = list(image.blocks())
    some = np.unique(np.linspace(0, len(blocks) - 1, SAMPLED).astype(int))
    # Limits of empty slices are wide, so that their noise stays dark: they tell nothing here.
    ranges = [percentile_range(check_plane(blocks[index].read())) for index in some]
    usual = float(np.percentile(ranges, 75))

    def encode(block: Block, progress: Progress) -> Encoded:
        pixels = block.read()
        low, high = contrast_limits(check_plane(pixels))
        seen = low, max(high, low + DIMMEST * usual)
        embedding = model.encode(pixels, limits=seen, progress=progress)
        return Encoded(block, pixels, embedding, model, finder)

    return encode


def _found(result: Result) -> Found:
    table = result.chosen.table
    scores = zip(table["label"], table["score"], strict=True)
    return Found(result.chosen.labels, {int(number): float(score) for number, score in scores})
