"""Which planes of an image follow each other: along its slices, and along its frames."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from napari_sam.errors import ImageError
from napari_sam.methods.options import CellOptions

if TYPE_CHECKING:  # a command line is parsed without NumPy
    from napari_sam.images import Image, Plane

Chosen = TypeVar("Chosen", bound=CellOptions)

#: Share of the wanted certainty from which cells of a plane are kept until all are joined: what is
#: seen on many planes is certain, though each shows it faintly.
DOUBTED = 0.6
#: Added to the wanted splitting on the slices of a stack until they are joined: those next to one
#: tell which pieces are one cell, and nothing tells again what one slice has glued together.
PIECES = 0.3
FEW = 4  # positions of an axis without a name that may as well be channels
_CALLED = {"Z": "slices", "T": "frames"}


def axis_along(image: Image, letter: str) -> int:
    """Return the axis of an image that holds its slices or frames.

    The one that is named so; where none is, the only one there is, whatever its name; and of
    several without a name the last for slices, the first for frames, but for those that may as
    well be channels, see `unnamed_axis`.

    Parameters
    ----------
    image : Image
    letter : {"Z", "T"}

    Raises
    ------
    ImageError
        When there is none, or it cannot be told.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_sam.images import Image
    >>> movie = np.zeros((2, 3, 4, 30, 40))
    >>> axis_along(Image(movie, "TCZYX"), "Z"), axis_along(Image(movie[0, 0], "QYX"), "T")
    (2, 0)
    >>> axis_along(Image(movie, "QQQYX"), "Z"), axis_along(Image(movie, "QQQYX"), "T")
    (2, 0)
    """
    others = [axis for axis, name in enumerate(image.axes) if name not in "YXS"]
    named = [axis for axis in others if image.axes[axis] == letter]
    if named or len(others) == 1:
        return (named or others)[0]
    unnamed = [axis for axis in others if image.axes[axis] == "Q"]
    if unnamed:
        return unnamed_axis(unnamed, image.shape, letter)
    what = _CALLED[letter]
    if not others:
        raise ImageError(
            f"This is a single plane of shape {image.shape}: it has no {what} to join."
        )
    raise ImageError(
        f"None of the axes '{image.axes}' holds {what}: say which does (--axes), with {letter} "
        "for it."
    )


def unnamed_axis(axes: Sequence[int], shape: Sequence[int], letter: str) -> int:
    """Choose among axes without a name: the last for slices, the first for frames.

    Axes that have no more positions than an image has channels come after all others, and after
    those the ones of a single position.

    Examples
    --------
    >>> unnamed_axis([0, 1], (12, 3, 64, 64), "Z"), unnamed_axis([0, 1], (3, 12, 64, 64), "T")
    (0, 1)
    """
    several = [axis for axis in axes if shape[axis] > 1] or axes
    likely = [axis for axis in several if shape[axis] > FEW] or several
    return likely[-1 if letter == "Z" else 0]


def doubted(options: Chosen) -> Chosen:
    """Return options that keep less certain cells of a plane too."""
    return replace(options, min_score=DOUBTED * options.min_score)


def in_pieces(options: Chosen) -> Chosen:
    """Return options that keep less certain cells of a slice too, and rather cut than glue them.

    Examples
    --------
    >>> chosen = in_pieces(CellOptions(min_score=0.5, splitting=0.5))
    >>> chosen.min_score, chosen.splitting
    (0.3, 0.8)
    """
    return replace(doubted(options), splitting=min(1.0, options.splitting + PIECES))


def groups(image: Image, axes: tuple[int, ...]) -> list[list[Plane]]:
    """List the planes that belong together along some axes, one list for every other position.

    Parameters
    ----------
    image : Image
    axes : tuple of int
        The last runs fastest.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_sam.images import Image
    >>> image = Image(np.zeros((2, 3, 8, 9)), "ZTYX")
    >>> [plane.position for plane in groups(image, (0,))[1]]
    [(0, 1), (1, 1)]
    """
    from napari_sam.images import Plane

    shape = image.shape
    down, right = image.axes.index("Y"), image.axes.index("X")
    rest = [axis for axis in range(len(shape)) if axis not in (down, right, *axes)]
    found = []
    for position in itertools.product(*(range(shape[axis]) for axis in rest)):
        fixed: dict[int, int] = dict(zip(rest, position, strict=True))
        planes = []
        for along in itertools.product(*(range(shape[axis]) for axis in axes)):
            at = {**fixed, **dict(zip(axes, along, strict=True))}
            index = tuple(at.get(axis) for axis in range(len(shape)))
            planes.append(Plane((down, right), index, (shape[down], shape[right])))
        found.append(planes)
    return found


def position_of(plane: Plane, axes: tuple[int, ...]) -> dict[int, int]:
    """Return where a plane lies along the axes that are not joined."""
    return {axis: at for axis, at in enumerate(plane.index) if at is not None and axis not in axes}
