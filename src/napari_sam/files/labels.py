"""Labels: whole numbers, one per object, as this package and others write them."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_sam import checks
from napari_sam.errors import DataError, LabelsError
from napari_sam.files.atomic import in_one_piece
from napari_sam.files.kinds import TIFF_SUFFIXES, as_path, kind_of
from napari_sam.files.ngff_labels import labels_inside
from napari_sam.files.raw import RawImage
from napari_sam.files.reading import read_raw
from napari_sam.files.signature import SOFTWARE
from napari_sam.images import Image
from napari_sam.pixel_size import METRES, PixelSize, checked_size

_TOP = np.iinfo(np.int32).max
_LARGEST_WHOLE = 1 << 53  # of 64-bit floats
_SMALLEST, _BIGGEST = 1e-4, 1e4  # lengths that a fraction of two 32-bit numbers tells exactly


def read_labels(path: str | Path, axes: str | None = None, *, series: int | None = None) -> Image:
    """Read labels from a TIFF or PNG file, of this program or another one.

    Whole numbers stored as floats (ImageJ, StarDist), the numbers of a palette (indexed PNG),
    black-and-white masks and grey levels stored as colour are labels too.

    Parameters
    ----------
    path : str or Path
    axes : str, optional
        What the axes are, for a file that does not say or says it wrongly.
    series : int, optional
        Which image of a file that holds several, counted from 0.

    Returns
    -------
    Image
        With an integer array of pixels.

    Raises
    ------
    DataError
        When the file cannot be read, see `read_image`.
    LabelsError
        When what it holds is an image and no labels.
    """
    path = as_path(path)
    found = read_raw(_labels_of(path), series)
    name = path.name
    if kind_of(path) == "JPEG":
        raise LabelsError(
            f"{name} is a JPEG, which changes numbers a little to save space: labels kept in one "
            "are lost. Save them as PNG or TIFF."
        )
    pixels, letters = np.asarray(found.finest), found.axes
    if "S" in letters:
        pixels, letters = _grey(pixels, letters, name)
    if axes is not None:
        letters = RawImage(pixels, letters).with_axes(axes, name).axes
    return RawImage(_whole(pixels, name), letters, found.pixel_size).as_image(name)


def _labels_of(path: Path) -> Path:
    """Return the labels inside an OME-Zarr image, or the path as it is."""
    if kind_of(path) != "OME-Zarr":
        return path
    names = labels_inside(path)
    if len(names) > 1:
        raise DataError(
            f"{path.name} holds labels {', '.join(names)}: give one of them, "
            f"{path.name}/labels/{names[0]}."
        )
    return path / "labels" / names[0] if names else path


def _grey(pixels: npt.NDArray[Any], axes: str, name: str) -> tuple[npt.NDArray[Any], str]:
    samples = np.moveaxis(pixels, axes.index("S"), -1)[..., :3]
    if (samples != samples[..., :1]).any() or not samples.any():
        raise LabelsError(
            f"{name} is a colour picture, not labels: colours tell objects apart for the eye "
            "alone. Export the label image itself, with a number per object."
        )
    return samples[..., 0], axes.replace("S", "")


def _whole(pixels: npt.NDArray[Any], name: str) -> npt.NDArray[np.integer[Any]]:
    """Return integers, or say why these values are none."""
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8)
    if np.issubdtype(pixels.dtype, np.integer):
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    with np.errstate(invalid="ignore"):
        whole = bool((np.isfinite(pixels) & (pixels == np.floor(pixels))).all())
    if not pixels.any():
        raise LabelsError(
            f"{name} is of type {pixels.dtype} and holds nothing but 0: it cannot be told whether "
            "these are labels. Save labels as whole numbers."
        )
    if not whole or float(np.abs(pixels).max(initial=0)) > _LARGEST_WHOLE:
        raise LabelsError(
            f"{name} holds broken numbers ({pixels.dtype}): labels are whole numbers, one per "
            "object. Is this the image and not its labels? Programs that scale labels to 0..1 "
            "have a setting to save them as 16-bit numbers."
        )
    top = float(pixels.max(initial=0))
    return pixels.astype(np.int64 if top > _TOP or pixels.min(initial=0) < 0 else np.int32)


def tiff_path(path: str | Path) -> Path:
    """Return where labels are to be written.

    Raises
    ------
    DataError
        When that is no path of a TIFF.
    """
    path = as_path(path)
    if path.suffix.lower() not in TIFF_SUFFIXES:
        raise DataError(f"Labels are saved as TIFF: give a name that ends in .tif, not {path}.")
    if path.is_dir():
        raise DataError(f"{path} is a folder: give the name of a file in it.")
    return path


def write_labels(
    path: str | Path,
    labels: npt.NDArray[np.integer[Any]],
    axes: str = "YX",
    pixel_size: PixelSize | None = None,
) -> Path:
    """Write labels as a compressed TIFF that ImageJ opens.

    uint16 as long as the ids fit, in ImageJ's own dialect of TIFF as long as it knows the order
    of the axes; int32 beyond. `read_labels` reads back the same ids, axes and pixel size.

    Parameters
    ----------
    path : str or Path
        Of a TIFF. Folders on the way are made; a file that is there is replaced.
    labels : integer array
    axes : str
        A letter per axis, such as ``"ZYX"``.
    pixel_size : PixelSize, optional

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    DataError
        When `path` is no path of a TIFF.
    LabelsError
        When they are no whole numbers, are negative or do not fit 32 bits, or `axes` does not fit.
    OSError
        When it cannot be written there.
    """
    path = tiff_path(path)
    labels = _checked(labels, axes)
    narrow = int(labels.max(initial=0)) <= np.iinfo(np.uint16).max
    metadata, resolution = tags_of(axes, pixel_size)
    # ImageJ's own dialect knows no 32-bit integers (it opens them as floats), and one order.
    order = "".join(letter for letter in "TZCYX" if letter in axes)
    imagej = narrow and axes == order
    with in_one_piece(path) as temporary:
        tifffile.imwrite(
            temporary,
            labels.astype(np.uint16 if narrow else np.int32),
            imagej=imagej,
            resolution=resolution,
            resolutionunit=None if resolution is None else "NONE",
            metadata=metadata,
            photometric="minisblack",
            compression="zlib",
            software=SOFTWARE,
        )
    return path


def tags_of(axes: str, pixel_size: PixelSize | None) -> tuple[dict[str, Any], Any]:
    """Return what a TIFF says of its axes and its pixel size: its description, and its resolution.

    Parameters
    ----------
    axes : str
    pixel_size : PixelSize, optional
    """
    metadata: dict[str, Any] = {"axes": axes}
    if pixel_size is None:
        return metadata, None
    size = _handy(checked_size(pixel_size))
    metadata["unit"] = size.unit
    if size.slice is not None:
        metadata["spacing"] = size.slice
    return metadata, (_fraction(size.column), _fraction(size.row))


def _checked(labels: Any, axes: str) -> npt.NDArray[np.integer[Any]]:
    array = checks.array(labels, "labels", LabelsError, kinds="biu")
    if array.size == 0:
        raise LabelsError(f"These labels hold no pixels: shape {array.shape}.")
    if not isinstance(axes, str) or len(axes) != array.ndim or len(set(axes)) != len(axes):
        raise LabelsError(f"axes {axes!r} has not one letter for each axis of shape {array.shape}.")
    if not axes.endswith("YX"):
        raise LabelsError(f"The last two axes of labels are rows and columns, got {axes!r}.")
    low, top = int(array.min()), int(array.max())
    if top > _TOP or low < 0:
        raise LabelsError(
            f"Labels must lie between 0 and {_TOP} to be written, but the id {min(low, 0) or top} "
            "is among them: number the objects anew, for example by "
            "skimage.segmentation.relabel_sequential, after setting ids below 0 to 0."
        )
    return array


def _handy(size: PixelSize) -> PixelSize:
    """Return the size in a unit in which it is neither tiny nor huge."""
    if min(size.row, size.column) >= _SMALLEST and max(size.row, size.column) <= _BIGGEST:
        return size
    if size.unit not in METRES:
        return size
    metres = size.row * METRES[size.unit]
    return size.in_unit(min(METRES, key=lambda unit: abs(math.log(metres / METRES[unit]))))


def _fraction(length: float) -> tuple[int, int]:
    """Return pixels in a unit as a fraction of two 32-bit numbers, as TIFF stores it."""
    most = (1 << 32) - 1
    inverse = 1 / Fraction(length)
    if inverse > most:
        raise DataError(f"Pixels of {length:g} are too small to be written to a TIFF.")
    if inverse >= 1:  # the numerator is the larger number
        near = 1 / (1 / inverse).limit_denominator(most)
    else:
        near = inverse.limit_denominator(most)
    return near.numerator, near.denominator
