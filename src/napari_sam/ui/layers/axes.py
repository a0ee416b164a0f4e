"""What the axes of a layer are, as far as their labels tell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from napari_sam.images import Plane
from napari_sam.methods.along import FEW, unnamed_axis
from napari_sam.ui.layers.planes import spatial_shape

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer

_NAMES = {
    "z": ("z", "slice", "slices", "depth", "plane", "planes", "section", "sections"),
    "t": ("t", "time", "times", "frame", "frames", "timepoint", "timepoints"),
    "c": ("c", "ch", "channel", "channels"),
}
_LETTERS = {name: letter.upper() for letter, names in _NAMES.items() for name in names}
_UNNAMED = re.compile(r"((axis)?\s*-?\d+)?")
_ORDER = "ZQT"  # of the axes along which a cell may be followed: never through channels


class Further(NamedTuple):
    """An axis beyond rows and columns.

    ``name`` is what the layer calls it, ``time`` whether that means frames and not slices.
    """

    axis: int
    name: str
    length: int
    time: bool = False

    @property
    def word(self) -> str:
        """What one position along it is called."""
        return "frame" if self.time else "slice"


def further_axes(image: Image, plane: Plane) -> tuple[Further, ...]:
    """List the axes along which something on a plane can be followed, the likeliest first.

    Slices come first, then axes without a name, the nearest to rows and columns first, then time;
    those without a name that have no more positions than an image has channels come last. Channels
    and axes of one position are left out.

    Parameters
    ----------
    image : Image layer
    plane : Plane
        Of its data.
    """
    found = []
    letters, shape = letters_of(image, plane), spatial_shape(image)
    for axis, (letter, length) in enumerate(zip(letters, shape, strict=True)):
        if plane.index[axis] is None or length < 2 or letter not in _ORDER:
            continue
        label = str(image.axis_labels[axis]).strip()
        name = f"axis {axis}" if _UNNAMED.fullmatch(label.lower()) else label
        further = Further(axis, name, int(length), letter == "T")
        channels = letter == "Q" and length <= FEW
        found.append((channels, _ORDER.index(letter), -axis, further))
    return tuple(one[3] for one in sorted(found))


def naming(labels: Labels, image: Image | None) -> Layer:
    """Return the layer whose axis labels tell what the axes of labels are.

    Parameters
    ----------
    labels : Labels layer
    image : Image layer or None
        On which they lie: files of labels seldom say what their axes are.
    """
    said = any(str(label).strip().lower() in _LETTERS for label in labels.axis_labels)
    return labels if said or image is None else image


def letters_of(layer: Layer, plane: Plane) -> str:
    """Name the axes of a layer of which a plane is shown.

    Parameters
    ----------
    layer : Layer
    plane : Plane
        Of its data.

    Returns
    -------
    str
        A letter per axis: ``Y`` and ``X`` for the rows and columns of the plane, ``Z``, ``T`` and
        ``C`` where the label of another axis says so, ``Q`` where it does not.
    """
    found = ["Q"] * plane.ndim
    found[plane.axes[0]], found[plane.axes[1]] = "Y", "X"
    for axis, at in enumerate(plane.index):
        letter = _LETTERS.get(str(layer.axis_labels[axis]).strip().lower(), "Q")
        if at is not None and letter not in found:
            found[axis] = letter
    return "".join(found)


def word_beside(layer: Image | Labels, plane: Plane) -> str:
    """Return what a plane and those beside it are called: frames of a movie, slices else.

    Parameters
    ----------
    layer : Image or Labels layer
    plane : Plane
        Of its data.
    """
    axes = zip(letters_of(layer, plane), spatial_shape(layer), plane.index, strict=True)
    beside = {letter for letter, length, at in axes if at is not None and length > 1}
    return "frame" if "T" in beside and not beside & {"Z", "Q"} else "slice"


def axis_named(layer: Layer, letter: str) -> int:
    """Return the axis of a layer that holds its slices (``Z``) or frames (``T``).

    The one whose label says so; else, of those that no label tells of, the one before rows and
    columns for slices, and the first for frames, see `napari_sam.methods.along.unnamed_axis`.
    """
    for axis, label in enumerate(layer.axis_labels):
        if _LETTERS.get(str(label).strip().lower()) == letter:
            return axis
    told = [_LETTERS.get(str(label).strip().lower()) for label in layer.axis_labels]
    beyond = range(max(layer.ndim - 2, 1))
    unnamed = [axis for axis in beyond if told[axis] is None] or list(beyond)
    return unnamed_axis(unnamed, spatial_shape(layer), letter)
