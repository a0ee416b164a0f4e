"""Prompts from layers: the person's Points, Shapes and Labels, read anew whenever they change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.errors import PromptError
from napari_sam.images import Plane
from napari_sam.prompts import BACKGROUND, FOREGROUND, Prompt
from napari_sam.ui.layers.planes import (
    Outline,
    labels_plane,
    points_on_plane,
    read_plane,
    shapes_on_plane,
)

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points, Shapes

POLARITY = "polarity"
OBJECT, NOT_OBJECT = "object", "background"
_NEGATIVE = {"background", "negative", "neg", "0", "-1", "-", "false", "not"}
_STROKE_POINTS = 6  # along an open line; more clicks make a mask worse rather than better


@dataclass(frozen=True, eq=False)
class Marks:
    """Everything the person has marked on one plane.

    Parameters
    ----------
    points : (N, 2) float array, (row, column)
    labels : (N,) int array, 1 object or 0 background
    outlines : tuple of Outline
    mask : (H, W) bool array or None
    """

    points: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    outlines: tuple[Outline, ...]
    mask: npt.NDArray[np.bool_] | None
    shape: tuple[int, int]

    @property
    def empty(self) -> bool:
        return len(self.points) == 0 and not self.outlines and self.mask is None

    def prompts(self) -> tuple[Prompt, ...]:
        """Sort the marks into one prompt per object.

        Every box or closed outline is an object, with the points inside it. Points outside
        all of them describe one more object.

        Raises
        ------
        PromptError
            When a mark belongs to no object; nothing is dropped silently.
        """
        closed = [outline for outline in self.outlines if outline.kind != "path"]
        points, labels = self.points, self.labels
        for line in self.outlines:
            if line.kind == "path":
                stroke = self._inside(_along(line.vertices))
                points = np.concatenate([points, stroke])
                labels = np.concatenate([labels, np.full(len(stroke), FOREGROUND)])
        if len(closed) <= 1:
            return (self._one(points, labels, closed[0] if closed else None, self.mask),)
        if self.mask is not None:
            raise PromptError(
                "A painted mask describes one cell, but there are several boxes. Set the mask to "
                "'none', or keep the boxes to one."
            )
        prompts = []
        used = np.zeros(len(points), dtype=bool)
        for outline in closed:
            low, high = outline.vertices.min(axis=0), outline.vertices.max(axis=0)
            held = ((points >= low) & (points <= high)).all(axis=1)
            used |= held
            prompts.append(self._one(points[held], labels[held], outline, None))
        if not used.all():
            if not (labels[~used] == FOREGROUND).any():
                raise PromptError(
                    "There are several boxes, and a 'not this' point lies in none of them. "
                    "Move it into the box it is about, or remove it."
                )
            prompts.append(self._one(points[~used], labels[~used], None, None))
        return tuple(prompts)

    def _one(
        self,
        points: npt.NDArray[np.float64],
        labels: npt.NDArray[np.int64],
        outline: Outline | None,
        mask: npt.NDArray[np.bool_] | None,
    ) -> Prompt:
        if outline is None:
            if mask is None and len(labels) and not (labels == FOREGROUND).any():
                raise PromptError("Now mark the cell itself: left-click on it.")
            return Prompt(points, labels, mask=mask)
        low, high = outline.vertices.min(axis=0), outline.vertices.max(axis=0)
        if outline.kind == "polygon":
            drawn = Prompt.from_polygon(outline.vertices, self.shape).mask
            assert drawn is not None
            mask = drawn if mask is None else mask | drawn
        return Prompt(points, labels, boxes=[(*low, *high)], mask=mask)

    def _inside(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        held = (points >= -0.5) & (points <= np.array(self.shape) - 0.5)
        return points[held.all(axis=1)]


def correcting(marks: Marks, mask: npt.NDArray[np.bool_]) -> Marks:
    """Let marks refine an object that is there.

    Models need to hear where the object is: with nothing but "not this", the middle of its mask
    speaks for it.
    """
    points, labels = marks.points, marks.labels
    if not (labels == FOREGROUND).any():
        depth = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        middle = np.unravel_index(int(np.argmax(depth)), mask.shape)
        points = np.concatenate([[middle], points])
        labels = np.concatenate([[FOREGROUND], labels])
    return replace(marks, points=points, labels=labels, mask=mask)


def _along(vertices: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Spread a few points evenly along a line."""
    steps = np.linalg.norm(np.diff(vertices, axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0.0, length[-1], _STROKE_POINTS)
    return np.stack([np.interp(at, length, vertices[:, axis]) for axis in (0, 1)], axis=1)


def polarity(points: Points) -> npt.NDArray[np.int64]:
    """Read which points say "not this"; all say "this" when the layer has no such feature."""
    if POLARITY not in points.features:
        return np.full(len(points.data), FOREGROUND, dtype=np.int64)
    said = [str(value).strip().lower() for value in points.features[POLARITY]]
    return np.array([BACKGROUND if s in _NEGATIVE else FOREGROUND for s in said], dtype=np.int64)


def read_marks(
    viewer: Any,
    image: Image,
    plane: Plane,
    points: Points | None,
    shapes: Shapes | None,
    mask: Labels | None,
    used: UsedMarks,
) -> Marks:
    """Read what is marked on a plane and has not been used for an object yet.

    Raises
    ------
    LabelsError
        When the mask layer does not lie on the image's pixel grid.
    """
    rowcol = np.empty((0, 2))
    labels = np.empty(0, dtype=np.int64)
    if points is not None:
        indices, rowcol = points_on_plane(viewer, points, image, plane)
        fresh = used.fresh(points, [points.data[i] for i in indices])
        rowcol, labels = rowcol[fresh], polarity(points)[indices][fresh]
    outlines: list[Outline] = []
    if shapes is not None:
        outlines = shapes_on_plane(viewer, shapes, image, plane)
        fresh = used.fresh(shapes, [shapes.data[o.index] for o in outlines])
        outlines = [o for o, new in zip(outlines, fresh, strict=True) if new]
    painted = None
    if mask is not None:
        at = labels_plane(image, plane, mask, write=False)
        chosen = read_plane(mask, at) == mask.selected_label
        if chosen.any() and used.fresh(mask, [chosen])[0]:
            painted = chosen
    return Marks(rowcol, labels, tuple(outlines), painted, plane.shape)


class UsedMarks:
    """Remembers which marks of the person's own layers have become an object already.

    Those layers are theirs, so nothing is deleted from them; a mark counts again as soon as
    it is moved.
    """

    def __init__(self) -> None:
        self._used: WeakKeyDictionary[Any, set[bytes]] = WeakKeyDictionary()

    def fresh(self, layer: Any, marks: list[Any]) -> npt.NDArray[np.bool_]:
        """Tell which marks have not been used."""
        used = self._used.get(layer, set())
        return np.array([_signature(mark) not in used for mark in marks], dtype=bool)

    def add(self, layer: Any, marks: list[Any]) -> None:
        self._used.setdefault(layer, set()).update(_signature(mark) for mark in marks)

    def remove(self, layer: Any, marks: list[Any]) -> None:
        self._used.get(layer, set()).difference_update(_signature(mark) for mark in marks)


def _signature(mark: Any) -> bytes:
    return np.ascontiguousarray(mark).tobytes()
