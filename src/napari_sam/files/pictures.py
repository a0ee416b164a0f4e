"""Pictures: PNG, JPEG and BMP files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError
from napari_sam.files.atomic import in_one_piece
from napari_sam.files.kinds import kind_of
from napari_sam.files.mark import noted
from napari_sam.files.raw import RawImage
from napari_sam.files.signature import SOFTWARE

_LARGEST = 1 << 30
"""Pixels up to which a picture is read; it is always unpacked as a whole."""


def read_picture(path: Path, *, indices: bool = False) -> RawImage:
    """Read a picture.

    Parameters
    ----------
    path : Path
    indices : bool
        Of a palette or a black-and-white picture, read the numbers and not the colours: labels.

    Returns
    -------
    RawImage
        Grey or colour, as it is; a palette in colour, printing inks as red, green and blue.

    Raises
    ------
    DataError
        When the file is damaged or cut, or holds more pixels than can be read at once.
    """
    kind = kind_of(path)
    with path.open("rb") as file:
        try:
            picture = _opener(kind)(file)
            _check_size(path, picture)
            if kind == "PNG" and _sixteen_bit_colour(path):
                picture.verify()  # libpng tells of damage on standard error alone
                pixels = _sixteen_bits(path)
            else:
                pixels = _pixels(picture, indices)
        except DataError:
            raise
        except MemoryError as error:
            raise DataError(f"{path.name}: there is not enough memory to read it.") from error
        except Exception as error:  # damaged bytes make the decoders fail in many ways
            raise DataError(f"{path.name} cannot be read; is it damaged? ({error})") from error
    if pixels.ndim == 3 and pixels.shape[2] == 2:  # grey with transparency
        pixels = pixels[..., 0]
    return RawImage(pixels, "YX" if pixels.ndim == 2 else "YXS")


def _opener(kind: str) -> Any:
    """Return the class that reads a kind of picture.

    `PIL.Image.open` takes whatever is large for an attack, and tells so by raising.
    """
    if kind == "PNG":
        from PIL.PngImagePlugin import PngImageFile

        return PngImageFile
    if kind == "JPEG":
        from PIL.JpegImagePlugin import JpegImageFile

        return JpegImageFile
    from PIL.BmpImagePlugin import BmpImageFile

    return BmpImageFile


def _check_size(path: Path, picture: Any) -> None:
    width, height = picture.size
    if width * height > _LARGEST:
        raise DataError(
            f"{path.name} has {height} x {width} pixels, more than pictures may have "
            f"({_LARGEST // 10**6} million). Save it as a tiled TIFF, which is read in parts."
        )
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        raise DataError(
            f"{path.name} is an animation of {frames} pictures: save them as a TIFF stack."
        )


def _pixels(picture: Any, indices: bool) -> npt.NDArray[Any]:
    mode = picture.mode
    if mode == "1":
        black_or_white = np.asarray(picture)
        return black_or_white.astype(np.uint8) * np.uint8(1 if indices else 255)
    if mode in ("P", "PA"):
        return np.asarray(picture) if indices else _of_palette(picture)
    if mode == "I":  # how 16-bit grey is read by some versions
        wide = np.asarray(picture)
        fits = wide.size and wide.min() >= 0 and wide.max() <= np.iinfo(np.uint16).max
        return wide.astype(np.uint16) if fits else wide
    if mode in ("CMYK", "YCbCr", "LAB", "HSV", "RGBX"):
        return np.asarray(picture.convert("RGB"))
    pixels = np.asarray(picture)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _of_palette(picture: Any) -> npt.NDArray[Any]:
    colour = np.asarray(picture.convert("RGB"))
    grey = (colour == colour[..., :1]).all()
    return colour[..., 0] if grey else colour


def _sixteen_bit_colour(path: Path) -> bool:
    """Tell whether a PNG has 16 bits a sample and several samples, of which PIL keeps 8."""
    with path.open("rb") as file:
        header = file.read(26)
    return len(header) == 26 and header[24] == 16 and header[25] in (2, 4, 6)


def _sixteen_bits(path: Path) -> npt.NDArray[Any]:
    import imagecodecs

    return np.asarray(imagecodecs.png_decode(path.read_bytes()))


def write_picture(path: str | Path, picture: npt.NDArray[np.uint8], mark: str = "") -> None:
    """Write an (H, W, 3) picture as PNG, with the mark of the image that it was made of."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    for key, text in {"Software": SOFTWARE, **noted(mark)}.items():
        notes.add_text(key, text)
    with in_one_piece(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG", pnginfo=notes)
