"""What the axes of a layer are, as far as their labels tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam.images import Plane

if TYPE_CHECKING:
    from napari.layers import Layer

_NAMES = {
    "z": ("z", "slice", "slices", "depth", "plane", "planes", "section", "sections"),
    "t": ("t", "time", "times", "frame", "frames", "timepoint", "timepoints"),
    "c": ("c", "ch", "channel", "channels"),
}
_LETTERS = {name: letter.upper() for letter, names in _NAMES.items() for name in names}


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


def axis_named(layer: Layer, letter: str) -> int:
    """Return the axis of a layer that holds its slices (``Z``) or frames (``T``).

    The one whose label says so; else the one before rows and columns for slices, and the first for
    frames.
    """
    for axis, label in enumerate(layer.axis_labels):
        if _LETTERS.get(str(label).strip().lower()) == letter:
            return axis
    return 0 if letter == "T" else max(layer.ndim - 3, 0)
