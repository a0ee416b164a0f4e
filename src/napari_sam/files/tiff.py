"""TIFF files, plain, of ImageJ or OME: which images one holds, and reading one of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tifffile

from napari_sam.errors import DataError
from napari_sam.files import tiff_colour, tiff_lazy, tiff_whole
from napari_sam.files.ome import binary_only_of
from napari_sam.files.raw import FileImage, RawImage
from napari_sam.files.tiff_pixel_size import pixel_size_of

_AT_ONCE = 1 << 28
"""Bytes up to which an image is read into memory at once; beyond, plane by plane."""
_EXTRAS = {"label", "label image", "macro", "macro image", "overview", "thumbnail", "thumb"}


@contextmanager
def opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF file; what the library would say on standard error is kept to itself.

    Raises
    ------
    DataError
        When the file, or what is done with it within, fails: damaged bytes make each decoder
        fail in ways of its own.
    """
    silent = logging.NullHandler()  # without any handler, Python prints what is logged
    logger = logging.getLogger("tifffile")
    logger.addHandler(silent)
    propagated, logger.propagate = logger.propagate, False
    try:
        with tifffile.TiffFile(path) as tif:
            yield tif
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(
            f"{path.name}: there is not enough memory to read this image. Save it as an "
            "uncompressed or tiled TIFF, which is read in parts, or make it smaller."
        ) from error
    except Exception as error:
        raise DataError(f"{path.name} cannot be read; is it damaged? ({error})") from error
    finally:
        logger.removeHandler(silent)
        logger.propagate = propagated


def images_of(tif: tifffile.TiffFile) -> list[FileImage]:
    """List the images of an open file, without thumbnails, labels and overviews of slides."""
    every = [
        FileImage(number, series.name, _distinct(series.axes), series.shape)
        for number, series in enumerate(tif.series)
    ]
    images = [image for image in every if not _is_extra(tif.series[image.series])]
    return images or every


def _is_extra(series: Any) -> bool:
    page = series.keyframe
    return bool(page.is_reduced) or series.name.strip().casefold() in _EXTRAS


def read_tiff(path: Path, series: int | None = None, *, indices: bool = False) -> RawImage:
    """Read one image of a TIFF file.

    Parameters
    ----------
    path : Path
    series : int, optional
        Which image, counted from 0; needed where there are several.
    indices : bool
        Of a palette image, read the numbers and not the colours: labels.

    Raises
    ------
    DataError
        When the file is damaged or cut, lacks a part, or holds several images and none was
        chosen, or none of that number.
    """
    with opened(path) as tif:
        root = binary_only_of(tif, path)
        if root is not None:
            raise DataError(
                f"{path.name} is a part of an image of several files: give {root} instead."
            )
        chosen = tif.series[_choose(tif, path, series)]
        tiff_whole.check(tif, chosen, path)
        size = pixel_size_of(tif, chosen)
        if chosen.nbytes > _AT_ONCE:
            levels = [tiff_lazy.lazily(path, level) for level in _levels(chosen)]
        else:
            levels = [chosen.asarray()]
        axes = _distinct(chosen.axes)
        if levels[0].ndim != len(axes):
            raise DataError(
                f"{path.name} is damaged: its pages do not make up the {axes} image of shape "
                f"{chosen.shape} that it describes."
            )
        seen = [
            tiff_colour.as_light(level, axes, chosen.keyframe, indices=indices) for level in levels
        ]
    pixels = [level for level, _ in seen]
    return RawImage(pixels if len(pixels) > 1 else pixels[0], seen[0][1], size)


def _levels(series: Any) -> list[Any]:
    """List the levels of a pyramid, the finest first; a coarser one that is damaged ends it.

    They lie in sub-images of the pages (OME, Bio-Formats) or in pages of their own (Aperio).
    """
    known = [series]
    for level in series.levels[1:]:
        whole = all(page is not None for page in level) and len(level) == len(series)
        coarser = all(
            length == finest or (letter in "YX" and 0 < length < finest)
            for letter, length, finest in zip(series.axes, level.shape, series.shape, strict=False)
        )
        if not whole or not coarser or (level.axes, level.dtype) != (series.axes, series.dtype):
            break
        known.append(level)
    return known


def _choose(tif: tifffile.TiffFile, path: Path, series: int | None) -> int:
    images = images_of(tif)
    if not images:
        raise DataError(f"{path.name} holds no image.")
    if series is not None:
        if isinstance(series, bool) or not isinstance(series, int):
            raise DataError(f"The number of a series is a whole number, got {series!r}.")
        if not 0 <= series < len(tif.series):
            every = f"0..{len(tif.series) - 1}" if len(tif.series) > 1 else "0 alone"
            raise DataError(f"{path.name} has no image {series}: its images are {every}.")
        return series
    if len(images) > 1:
        raise DataError(
            f"{path.name} holds {len(images)} images: {'; '.join(map(str, images))}. "
            "Choose one by its number: --series N, or series=N in Python."
        )
    return images[0].series


def _distinct(axes: str) -> str:
    """Give an axis that repeats a letter one that is free: unnamed ones may be several."""
    taken = ""
    for letter in axes:
        if letter in taken:
            letter = next(free for free in "QIRPABEHLV" if free not in axes + taken)
        taken += letter
    return taken
