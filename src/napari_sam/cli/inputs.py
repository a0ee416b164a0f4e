"""From what was typed to planes: files, folders and patterns; channels and stack axes."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError, ImageError
from napari_sam.files import IMAGE_SUFFIXES, ImageFile, made_here

_FEW = 4  # an unnamed axis this short may be channels as well as slices


def find_inputs(typed: Iterable[str]) -> list[Path]:
    """List the image files that were meant, each once, without those this program made.

    Parameters
    ----------
    typed : iterable of str
        Files, folders (their images, not those of folders within), and patterns such as
        ``plate*/*.tif`` for shells that do not expand them.

    Raises
    ------
    DataError
        When something typed is not there, or no image is left.
    """
    found: dict[Path, Path] = {}
    for item in typed:
        path = Path(item)
        if path.is_dir():
            files = [p for p in sorted(path.iterdir()) if p.suffix.lower() in IMAGE_SUFFIXES]
        elif path.exists():
            files = [path]
        else:
            files = [Path(match) for match in sorted(glob.glob(item, recursive=True))]
            if not files:
                raise DataError(f"Nothing found at {item}.")
        for file in files:
            if file.is_file() and not file.name.startswith("."):
                found.setdefault(file.resolve(), file)
    images = [path for path in found.values() if not made_here(path)]
    if not images:
        made = f" ({len(found)} were made by napari-sam itself)" if found else ""
        raise DataError(f"No images found{made}. Files end in one of {', '.join(IMAGE_SUFFIXES)}.")
    return images


class Picked(NamedTuple):
    """What will be segmented of one file.

    Attributes
    ----------
    pixels : array
        (..., H, W), or (..., H, W, 3) for colour.
    axes : str
        Letters of the labels' axes, without colour.
    rgb : bool
    """

    pixels: npt.NDArray[Any]
    axes: str
    rgb: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns and what leads them, without colour."""
        return self.pixels.shape[:-1] if self.rgb else self.pixels.shape


def pick(image: ImageFile, channel: int | None = None) -> Picked:
    """Choose the channel and bring rows and columns to the end.

    Parameters
    ----------
    image : ImageFile
    channel : int, optional
        Counted from 0.

    Raises
    ------
    ImageError
        When the file has several channels and none was chosen, or none of that number, or when
        it cannot be told whether an axis holds channels or slices.
    """
    pixels, axes = image.pixels, image.axes
    if "Y" not in axes or "X" not in axes:
        raise ImageError(
            f"This file has axes '{axes}' of shape {pixels.shape}, and no rows and columns "
            "among them. Say what they are with --axes, for example --axes ZYX."
        )
    colour = _channel_axis(image, channel)
    if colour is not None:
        pixels, axes = _take(pixels, axes, colour, channel)
    # Axes of length one say nothing.
    for letter in [a for a in axes if a not in "YXS" and pixels.shape[axes.index(a)] == 1]:
        pixels, axes = pixels.squeeze(axes.index(letter)), axes.replace(letter, "")
    stack = [letter for letter in axes if letter not in "YXS"]
    order = [*stack, "Y", "X", *(["S"] if "S" in axes else [])]
    pixels = pixels.transpose([axes.index(letter) for letter in order])
    # ImageJ and napari know T and Z; any other stack axis is called Z in what is written.
    letters = "".join(a if a in "TZ" else "Z" for a in stack)
    if len(set(letters)) != len(letters):
        letters = "".join("TZCQ"[i] for i in range(4 - len(letters), 4))[-len(letters) :]
    return Picked(pixels, letters + "YX", "S" in axes)


def _channel_axis(image: ImageFile, channel: int | None) -> str | None:
    """Tell which axis the channel is to be taken from; None to leave all as it is."""
    shape = dict(zip(image.axes, image.pixels.shape, strict=True))
    if "C" in shape and (channel is not None or shape["C"] > 1):
        return "C"
    if "S" in shape:
        # Colour is segmented as colour unless a channel is asked for.
        return "S" if channel is not None or shape["S"] not in (3, 4) else None
    for letter, length in shape.items():
        if letter in "IQ" and 1 < length <= _FEW:
            if channel is not None:
                return letter
            raise ImageError(
                f"This file of shape {image.pixels.shape} does not say whether its axis of "
                f"{length} holds channels or slices. Choose a channel with --channel "
                f"0..{length - 1}, or say that it is a stack with --axes "
                f"{image.axes.replace(letter, 'Z')}."
            )
    if channel not in (None, 0):
        raise ImageError(f"This file has no channel {channel}: it has only one.")
    return None


def _take(
    pixels: npt.NDArray[Any], axes: str, letter: str, channel: int | None
) -> tuple[npt.NDArray[Any], str]:
    axis = axes.index(letter)
    count = pixels.shape[axis]
    if channel is None:
        raise ImageError(
            f"This file has {count} channels. Choose the one to segment with --channel "
            f"0..{count - 1}."
        )
    if not 0 <= channel < count:
        raise ImageError(f"This file has channels 0..{count - 1}, but no channel {channel}.")
    return np.take(pixels, channel, axis=axis), axes.replace(letter, "")
