"""Files of microscopes (CZI, LIF, ND2), by way of bioio: planes are read as they are looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError, InstallationError
from napari_sam.files.lazy import Lazy, as_slice
from napari_sam.files.raw import FileImage, RawImage
from napari_sam.pixel_size import PixelSize, sensible_length, stated_size

MICROSCOPE_SUFFIXES = (".czi", ".lif", ".nd2")
logging.getLogger("bioio").addHandler(logging.NullHandler())  # what it logs is raised as well
_AT_ONCE = 1 << 28  # bytes up to which an image is read into memory at once


class Planes(Lazy):
    """An image of bioio, of which the planes that are looked at are read.

    Parameters
    ----------
    delayed : dask array
    name : str
        Of the file, for what is said of a damaged one.
    """

    def __init__(self, delayed: Any, name: str) -> None:
        self._delayed, self._name = delayed, name
        self.shape = tuple(int(length) for length in delayed.shape)
        self.dtype = np.dtype(delayed.dtype)

    def _read(self, ranges: list[range]) -> npt.NDArray[Any]:
        with _told_of(self._name):
            part = self._delayed[tuple(as_slice(wanted) for wanted in ranges)]
            return np.asarray(part.compute())


@contextmanager
def _told_of(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each reader fails in its own way
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{name} cannot be read; is it damaged? ({reason})") from error


def _opened(path: Path) -> Any:
    """Open a file.

    Raises
    ------
    InstallationError
        When bioio, or its reader of such files, is not installed.
    DataError
        When it cannot be opened.
    """
    try:
        from bioio import BioImage

        reader = import_module(f"bioio_{path.suffix[1:].lower()}").Reader
    except ImportError as error:
        raise InstallationError(
            f"{path.name}: files of microscopes need pip install 'napari-sam-bio[formats]'."
        ) from error
    with _told_of(path.name):
        return BioImage(path, reader=reader)


def scenes_of(path: Path) -> list[FileImage]:
    """List the images that a file holds, which microscopes call scenes, series or positions.

    Raises
    ------
    DataError, InstallationError
    """
    image, found = _opened(path), []
    with _told_of(path.name):
        for number, name in enumerate(image.scenes):
            image.set_scene(number)
            shape = tuple(int(length) for length in image.dims.shape)
            found.append(FileImage(number, str(name), image.dims.order, shape))
    return found


def read_scene(path: Path, series: int | None = None) -> RawImage:
    """Read one image of a file of a microscope.

    Raises
    ------
    DataError
        When it holds several and none was chosen, or none of that number, or it is damaged.
    InstallationError
    """
    image = _opened(path)
    count = len(image.scenes)
    if series is None and count > 1:
        names = "; ".join(map(str, scenes_of(path)[:20]))
        raise DataError(
            f"{path.name} holds {count} images: {names}. Choose one by its number: --series N, or "
            "series=N in Python."
        )
    if not 0 <= (series or 0) < count:
        raise DataError(f"{path.name} has no image {series}: its images are 0..{count - 1}.")
    with _told_of(path.name):
        image.set_scene(series or 0)
        pixels: Any = Planes(image.dask_data, path.name)
        axes, size = image.dims.order, _pixel_size(image.physical_pixel_sizes)
    return RawImage(pixels[...] if pixels.nbytes <= _AT_ONCE else pixels, axes, size)


def _pixel_size(said: Any) -> PixelSize | None:
    """Return the size of a pixel, which bioio gives in micrometres."""
    row, column, between = (sensible_length(getattr(said, letter, None)) for letter in "YXZ")
    return stated_size(row, column, between, "um")
