"""Pixels of one plane: what can be used, as colour, and by which fingerprint it is known."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import ImageError


def check_plane(image: Any) -> npt.NDArray[Any]:
    """Return the image as an array (H, W) or (H, W, 3), alpha dropped.

    Raises
    ------
    ImageError
        When it is not one plane of numbers.
    """
    array = checks.array(image, "An image", ImageError)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    array = opaque(array)
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise ImageError(
            f"Expected one plane, (H, W) or (H, W, 3), got shape {array.shape}. "
            "Pick a slice or a channel first."
        )
    if 0 in array.shape:
        raise ImageError(f"The image has no pixels: shape {array.shape}.")
    return array


def opaque(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a plane, (H, W) or (H, W, C), without transparency: the last of four samples."""
    return pixels[..., :3] if pixels.ndim == 3 and pixels.shape[2] == 4 else pixels


def is_blank(image: npt.NDArray[Any]) -> bool:
    """Tell whether a plane shows nothing: all its pixels that are numbers have one value.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        Of colours, each channel may have another value.

    Examples
    --------
    >>> is_blank(np.full((4, 5), 7)), is_blank(np.arange(20).reshape(4, 5))
    (True, False)
    """
    pixels = image.reshape(-1, 1 if image.ndim == 2 else image.shape[-1])
    if pixels.dtype.kind == "f":
        pixels = pixels[np.isfinite(pixels).all(axis=1)]
    return len(pixels) == 0 or bool((pixels == pixels[0]).all())


def as_rgb(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View (H, W) as (H, W, 3) with equal channels; leave colour as it is."""
    return image if image.ndim == 3 else np.broadcast_to(image[..., None], (*image.shape, 3))


def content_hash(image: npt.NDArray[Any]) -> str:
    """Fingerprint of the pixels, shape and type of a plane (BLAKE2b, 128 bits, hex)."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{image.dtype.str}{image.shape}".encode())
    digest.update(np.ascontiguousarray(image).view(np.uint8).data)
    return digest.hexdigest()
