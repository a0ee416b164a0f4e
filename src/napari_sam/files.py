"""Image files: pixels with their axes and pixel size; labels written in one piece or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_sam.errors import DataError, LabelsError
from napari_sam.pixel_size import PixelSize

TIFF_SUFFIXES = (".tif", ".tiff")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
IMAGE_SUFFIXES = TIFF_SUFFIXES + PICTURE_SUFFIXES
SOFTWARE = "napari-sam-bio"
"""Written into every file this package makes, so that it never takes one for an input."""

_UNITS = {"um": "um", "µm": "um", "μm": "um", "micron": "um", "microns": "um", "nm": "nm"}
_UNITS |= {"mm": "mm", "cm": "cm", "pm": "pm", "m": "m", "\\u00b5m": "um", "micrometer": "um"}
_METRES = {"pm": 1e-12, "nm": 1e-9, "um": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0}


@dataclass(frozen=True, eq=False)
class ImageFile:
    """What one file holds.

    Parameters
    ----------
    pixels : array
    axes : str
        A letter per axis: ``YX`` rows and columns, ``S`` colour samples, ``C`` channels, ``Z``
        slices, ``T`` times; ``Q`` or ``I`` where the file does not say.
    pixel_size : PixelSize, optional
    """

    pixels: npt.NDArray[Any]
    axes: str
    pixel_size: PixelSize | None = None


def read_image(path: str | Path, axes: str | None = None) -> ImageFile:
    """Read a TIFF (plain, ImageJ or OME), PNG, JPEG or BMP file.

    Parameters
    ----------
    path : str or Path
    axes : str, optional
        What the axes are, for a file that does not say or says it wrongly.

    Raises
    ------
    DataError
        When the file is not there, not an image, damaged, or has other axes than given.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    suffix = path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        raise DataError(
            f"{path.name}: files of type {suffix or '(none)'} cannot be read. "
            f"Known types: {', '.join(IMAGE_SUFFIXES)}."
        )
    try:
        found = _read_tiff(path) if suffix in TIFF_SUFFIXES else _read_picture(path)
    except DataError:
        raise
    except Exception as error:  # each reader has its own dozen ways to fail on damaged bytes
        raise DataError(f"{path.name} cannot be read; is it damaged? ({error})") from error
    if 0 in found.pixels.shape:
        raise DataError(f"{path.name} holds no pixels.")
    if axes is None:
        return found
    axes = axes.upper()
    if len(axes) != found.pixels.ndim or len(set(axes)) != len(axes):
        raise DataError(
            f"{path.name} has {found.pixels.ndim} axes {found.pixels.shape}, "
            f"which '{axes}' does not describe: give one letter for each."
        )
    return ImageFile(found.pixels, axes, found.pixel_size)


def _read_picture(path: Path) -> ImageFile:
    import imageio.v3 as iio

    # From memory: given a path, a reader that fails leaves the file open.
    pixels = np.asarray(iio.imread(path.read_bytes(), extension=path.suffix.lower()))
    if pixels.ndim == 3 and pixels.shape[2] == 2:  # grey with alpha
        pixels = pixels[..., 0]
    return ImageFile(pixels, "YX" if pixels.ndim == 2 else "YXS")


def _read_tiff(path: Path) -> ImageFile:
    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        pixels, axes = series.asarray(), series.axes
        size = _ome_pixel_size(tif) or _imagej_pixel_size(tif)
    return ImageFile(pixels, axes, size)


def _imagej_pixel_size(tif: tifffile.TiffFile) -> PixelSize | None:
    metadata = tif.imagej_metadata
    unit = _UNITS.get(str((metadata or {}).get("unit", "")))
    tags = tif.pages[0].tags  # type: ignore[union-attr]
    if metadata is None or unit is None or "XResolution" not in tags or "YResolution" not in tags:
        return None
    per_column, per_row = (
        tags[name].value[0] / tags[name].value[1] for name in ("XResolution", "YResolution")
    )
    spacing = float(metadata.get("spacing", 0))
    return PixelSize(1 / per_row, 1 / per_column, unit, spacing if spacing > 0 else None)


def _ome_pixel_size(tif: tifffile.TiffFile) -> PixelSize | None:
    if not tif.is_ome or tif.ome_metadata is None:
        return None
    images = tifffile.xml2dict(tif.ome_metadata).get("OME", {}).get("Image", {})
    pixels = (images[0] if isinstance(images, list) else images).get("Pixels", {})
    if "PhysicalSizeX" not in pixels or "PhysicalSizeY" not in pixels:
        return None
    # micrometres are the format's default; sizes given in other units follow x
    unit = _UNITS.get(str(pixels.get("PhysicalSizeXUnit", "um")))
    if unit is None:
        return None

    def length(axis: str) -> float:
        own = _UNITS.get(str(pixels.get(f"PhysicalSize{axis}Unit", "um")), unit)
        return float(pixels[f"PhysicalSize{axis}"]) * _METRES[own] / _METRES[unit]

    depth = length("Z") if "PhysicalSizeZ" in pixels else None
    return PixelSize(length("Y"), length("X"), unit, depth)


def made_here(path: Path) -> bool:
    """Tell whether this package wrote the file."""
    try:
        if path.suffix.lower() in TIFF_SUFFIXES:
            with tifffile.TiffFile(path) as tif:
                tag = tif.pages[0].tags.get("Software")  # type: ignore[union-attr]
                return tag is not None and str(tag.value).startswith(SOFTWARE)
        if path.suffix.lower() == ".png":
            from PIL import Image

            with Image.open(path) as picture:
                return str(picture.info.get("Software", "")).startswith(SOFTWARE)
    except Exception:  # a damaged file is reported by whoever reads it
        return False
    return False


@contextmanager
def in_one_piece(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when all went well, else remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner can read.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_labels(
    path: Path,
    labels: npt.NDArray[np.integer[Any]],
    axes: str = "YX",
    pixel_size: PixelSize | None = None,
) -> None:
    """Write labels as a compressed TIFF that ImageJ opens.

    uint16 as long as the ids fit, int32 beyond.

    Parameters
    ----------
    path : Path
    labels : integer array
    axes : str
        A letter per axis, out of ``TZYX``.
    pixel_size : PixelSize, optional

    Raises
    ------
    LabelsError
        When ids are negative or do not fit 32 bits.
    """
    top = int(labels.max(initial=0))
    if top > np.iinfo(np.int32).max or int(labels.min(initial=0)) < 0:
        raise LabelsError("Labels must lie between 0 and 2147483647 to be written.")
    metadata: dict[str, Any] = {"axes": axes}
    resolution = None
    if pixel_size is not None:
        resolution = (1 / pixel_size.column, 1 / pixel_size.row)
        metadata["unit"] = pixel_size.unit
        if pixel_size.slice is not None:
            metadata["spacing"] = pixel_size.slice
    # ImageJ's own TIFF dialect knows no 32-bit integers; it still opens them, as floats.
    imagej = top <= np.iinfo(np.uint16).max and set(axes) <= set("TZCYX")
    with in_one_piece(path) as temporary:
        tifffile.imwrite(
            temporary,
            labels.astype(np.uint16 if top <= np.iinfo(np.uint16).max else np.int32),
            imagej=imagej,
            resolution=resolution,
            metadata=metadata,
            photometric="minisblack",
            compression="zlib",
            software=SOFTWARE,
        )


def write_picture(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write an (H, W, 3) picture as PNG."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Software", SOFTWARE)
    with in_one_piece(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG", pnginfo=notes)
