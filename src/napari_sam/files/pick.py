"""From what a file holds to what is segmented: the channel chosen, rows and columns last."""

from __future__ import annotations

from dataclasses import replace

from napari_sam.errors import ImageError
from napari_sam.files.lazy import rearranged
from napari_sam.images import Image, rather_channels
from napari_sam.images.plane import FEW_CHANNELS

_NARROW = 16  # pixels; planes of fewer beside a long unnamed axis are rather channels
_UNNAMED = "IQ"


def pick(image: Image, channel: int | None = None, *, sure: bool = False) -> Image:
    """Choose the channel and bring rows and columns to the end.

    Parameters
    ----------
    image : Image
        As it was read.
    channel : int, optional
        Counted from 0.
    sure : bool
        The axes are those that a person named: planes a few pixels wide are not asked about.

    Returns
    -------
    Image
        (..., H, W), or (..., H, W, 3) for colour; ``axes`` less ``S`` are those of its labels.

    Raises
    ------
    ImageError
        When the file has several channels and none was chosen, or none of that number, or when
        it cannot be told whether an axis holds channels or slices, or which are the rows.
    """
    pixels, axes = image.pixels, image.axes
    shape = dict(zip(axes, image.finest.shape, strict=True))
    if channel is not None and (isinstance(channel, bool) or not isinstance(channel, int)):
        raise ImageError(f"A channel is a number counted from 0, got {channel!r}.")
    if not sure:
        _ask_about_narrow(shape)
    chosen = _channel_axis(shape, channel)
    fixed = {} if chosen is None else {axes.index(chosen): _position(shape[chosen], channel)}
    # Axes of length one say nothing.
    fixed |= {
        at: 0
        for at, letter in enumerate(axes)
        if letter not in "YXS" and shape[letter] == 1 and at not in fixed
    }
    stack = [a for a in axes if a not in "YXS" and axes.index(a) not in fixed]
    colour = ["S"] if "S" in axes and axes.index("S") not in fixed else []
    order = [axes.index(letter) for letter in (*stack, "Y", "X", *colour)]
    return replace(
        image,
        pixels=rearranged(pixels, fixed, order),
        axes="".join([*_letters(stack), "YX", *colour]),
        rgb=bool(colour),
    )


def _ask_about_narrow(shape: dict[str, int]) -> None:
    """Refuse planes a few pixels wide beside longer axes: those are rather rows and columns."""
    narrow = [a for a in "YX" if _is_narrow(a, shape)]
    if not narrow:
        return
    said = "".join(shape)
    wide = [a for a in shape if a not in narrow and a != "S"]
    guess = said.replace(narrow[0], "C")
    for letter, meant in zip(wide[-2:], "yx", strict=False):
        guess = guess.replace(letter, meant)
    raise ImageError(
        f"This file of shape {tuple(shape.values())} has planes of {shape['Y']} x {shape['X']} "
        f"pixels if its axes are '{said}', as it seems. Say what they are: --axes "
        f"{guess.upper()} with --channel N if it has channels, or --axes {_as_stack(said)} if it "
        "is as it seems."
    )


def _is_narrow(side: str, shape: dict[str, int]) -> bool:
    few = rather_channels(shape[side], [n for a, n in shape.items() if a not in "YXS"])
    # In a window a person sees that a plane is narrow and whole; here nobody looks.
    unnamed = max((n for a, n in shape.items() if a in _UNNAMED), default=0)
    return few or (shape[side] <= _NARROW and unnamed >= FEW_CHANNELS * shape[side])


def _channel_axis(shape: dict[str, int], channel: int | None) -> str | None:
    """Tell which axis the channel is to be taken from; None to leave all as it is."""
    if "C" in shape and shape["C"] > 1:
        return "C"
    if "S" in shape and (channel is not None or shape["S"] not in (3, 4)):
        # Colour is segmented as colour unless a channel is asked for.
        return "S"
    unnamed = [letter for letter in shape if letter in _UNNAMED and shape[letter] > 1]
    if channel is not None and len(unnamed) == 1 and "S" not in shape:
        return unnamed[0]
    for letter in unnamed:
        length = shape[letter]
        if length <= FEW_CHANNELS or channel is not None:
            said = "".join(shape)
            which = f" and --axes {said.replace(letter, 'C')}" if len(unnamed) > 1 else ""
            raise ImageError(
                f"This file of shape {tuple(shape.values())} does not say whether its axis of "
                f"{length} holds channels or slices. Choose a channel with --channel "
                f"0..{length - 1}{which}, or say that it is a stack with --axes "
                f"{_as_stack(said)}."
            )
    if channel not in (None, 0):
        raise ImageError(f"This file has no channel {channel}: it has only one.")
    return None


def _as_stack(axes: str) -> str:
    """Name the unnamed axes as those of a stack."""
    for letter in _UNNAMED:
        free = [name for name in "ZTRP" if name not in axes]
        axes = axes.replace(letter, free[0])
    return axes


def _position(count: int, channel: int | None) -> int:
    if channel is None:
        raise ImageError(
            f"This file has {count} channels. Choose the one to segment with --channel "
            f"0..{count - 1}."
        )
    if not 0 <= channel < count:
        raise ImageError(f"This file has channels 0..{count - 1}, but no channel {channel}.")
    return channel


def _letters(stack: list[str]) -> str:
    """Name the axes of a stack: ImageJ and napari know Z and T, which unnamed ones are called.

    Examples
    --------
    >>> _letters(["T", "Z"]), _letters(["Q"]), _letters(["I", "Z"]), _letters(["P", "T", "Z"])
    ('TZ', 'Z', 'TZ', 'PTZ')
    """
    free = [letter for letter in "ZT" if letter not in stack]
    return "".join(a if a in "TZ" or not free else free.pop(0) for a in stack)
