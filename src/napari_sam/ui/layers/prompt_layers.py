"""Prompts from layers: the person's Points, Shapes and Labels, read anew whenever they change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.errors import PromptError
from napari_sam.images import Plane
from napari_sam.prompts import BACKGROUND, FOREGROUND, Prompt
from napari_sam.ui.layers.label_grid import labels_plane
from napari_sam.ui.layers.outlines import Outline, points_on_plane, shapes_on_plane
from napari_sam.ui.layers.planes import read_plane
from napari_sam.ui.layers.polarity import polarity

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points, Shapes

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

    def signature(self) -> bytes:
        """Return what differs as soon as any mark does."""
        parts = [self.points.tobytes(), self.labels.tobytes()]
        parts += [o.kind.encode() + o.vertices.tobytes() for o in self.outlines]
        parts.append(b"" if self.mask is None else np.packbits(self.mask).tobytes())
        return b"|".join(parts)

    def prompts(self, each_point: bool = False) -> tuple[Prompt, ...]:
        """Sort the marks into one prompt per object.

        Every box or closed outline is an object, with the points inside it. Points outside
        all of them describe one more object.

        Parameters
        ----------
        each_point : bool
            Whether every "this" point outside the outlines marks an object of its own; a
            "not this" point then belongs to the nearest of them.

        Raises
        ------
        PromptError
            When a mark belongs to no object; nothing is dropped silently.
        """
        closed = [outline for outline in self.outlines if outline.kind != "path"]
        strokes = [self._inside(_along(o.vertices)) for o in self.outlines if o.kind == "path"]
        points, labels = self.points, self.labels
        if not each_point:
            points = np.concatenate([points, *strokes])
            labels = np.concatenate([labels, np.full(len(points) - len(labels), FOREGROUND)])
            if len(closed) <= 1:
                return (self._one(points, labels, closed[0] if closed else None, self.mask),)
        if self.mask is not None:
            raise PromptError(
                "A painted mask describes one cell, but several are marked. Set the mask to "
                "'none', or mark one cell at a time."
            )
        prompts = []
        used = np.zeros(len(points), dtype=bool)
        for outline in closed:
            low, high = outline.vertices.min(axis=0), outline.vertices.max(axis=0)
            held = ((points >= low) & (points <= high)).all(axis=1)
            used |= held
            prompts.append(self._one(points[held], labels[held], outline, None))
        if each_point:
            lines = [Prompt(stroke) for stroke in strokes]
            return (*prompts, *lines, *_one_each(points[~used], labels[~used]))
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
            drawn = Prompt.from_polygon(outline.vertices, self.shape, points, labels)
            if mask is None or drawn.region is None:
                return drawn
            mask = mask | drawn.region.on(self.shape)
        return Prompt(points, labels, boxes=[(*low, *high)], mask=mask)

    def _inside(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        held = (points >= -0.5) & (points <= np.array(self.shape) - 0.5)
        return points[held.all(axis=1)]


def _one_each(points: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> Iterator[Prompt]:
    """Make an object of every "this" point; "not this" is said to the nearest of them."""
    this = points[labels == FOREGROUND]
    not_this = points[labels != FOREGROUND]
    if len(not_this) and not len(this):
        raise PromptError("Now mark the cell itself: left-click on it.")
    apart = np.linalg.norm(not_this[:, None] - this[None], axis=-1)
    nearest = apart.argmin(axis=1) if len(not_this) else np.empty(0, int)
    for number, place in enumerate(this):
        others = not_this[nearest == number]
        said = [FOREGROUND, *[BACKGROUND] * len(others)]
        yield Prompt(np.concatenate([place[None], others]), said)


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


def read_marks(
    viewer: Any,
    image: Image,
    plane: Plane,
    points: Points | None,
    shapes: Shapes | None,
    mask: Labels | None,
    used: UsedMarks,
    *,
    points_on_grid: bool = False,
) -> Marks:
    """Read what is marked on a plane that is shown and has not been used for an object yet.

    What the viewer does not show, because its layer or it alone is hidden, says nothing.

    Raises
    ------
    LabelsError
        When the mask layer does not lie on the image's pixel grid.
    """
    rowcol = np.empty((0, 2))
    labels = np.empty(0, dtype=np.int64)
    if points is not None and points.visible and len(points.data):
        indices, rowcol = points_on_plane(viewer, points, image, plane, on_grid=points_on_grid)
        fresh = used.fresh(points, plane, [points.data[i] for i in indices])
        fresh &= np.asarray(points.shown)[indices]
        rowcol, labels = rowcol[fresh], polarity(points)[indices][fresh]
    outlines: list[Outline] = []
    if shapes is not None and shapes.visible and len(shapes.data):
        outlines = shapes_on_plane(viewer, shapes, image, plane)
        fresh = used.fresh(shapes, plane, [shapes.data[o.index] for o in outlines])
        outlines = [o for o, new in zip(outlines, fresh, strict=True) if new]
    painted = None
    if mask is not None and mask.visible:
        at = labels_plane(image, plane, mask, write=False)
        chosen = read_plane(mask, at) == mask.selected_label
        if chosen.any() and used.fresh(mask, plane, [chosen])[0]:
            painted = chosen
    return Marks(rowcol, labels, tuple(outlines), painted, plane.shape)


class UsedMarks:
    """Remembers which marks of the person's own layers have become an object already.

    Those layers are theirs, so nothing is deleted from them; a mark counts again as soon as
    it is moved. A mark is known by where it is and on which plane: a mask that is painted alike
    on the next slice, or a 2-D point that is seen on every slice, is another one there.
    """

    def __init__(self) -> None:
        self._used: WeakKeyDictionary[Any, set[_Known]] = WeakKeyDictionary()

    def fresh(self, layer: Any, plane: Plane, marks: list[Any]) -> npt.NDArray[np.bool_]:
        """Tell which marks have not been used on a plane."""
        used = self._used.get(layer)
        if not used:
            return np.ones(len(marks), dtype=bool)
        return np.array([_known(plane, mark) not in used for mark in marks], dtype=bool)

    def add(self, layer: Any, plane: Plane, marks: list[Any]) -> None:
        """Take note that marks were used on a plane."""
        self._used.setdefault(layer, set()).update(_known(plane, mark) for mark in marks)

    def remove(self, layer: Any, plane: Plane, marks: list[Any]) -> None:
        """Let marks count again."""
        self._used.get(layer, set()).difference_update(_known(plane, mark) for mark in marks)


_Known = tuple[tuple["int | None", ...], bytes]


def _known(plane: Plane, mark: Any) -> _Known:
    return plane.index, np.ascontiguousarray(mark).tobytes()
