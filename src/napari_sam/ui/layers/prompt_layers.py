"""Prompts from layers: the person's Points, Shapes and Labels, read anew whenever they change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from napari_sam.errors import PromptError
from napari_sam.images import Plane
from napari_sam.prompts import BACKGROUND, FOREGROUND, Placed, Prompt
from napari_sam.regions import Region, deepest
from napari_sam.strokes import along
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.layers.outlines import ShapeOutline, points_on_plane, shapes_on_plane
from napari_sam.ui.layers.planes import read_plane
from napari_sam.ui.layers.polarity import polarity

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points, Shapes

Places = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Marks:
    """Everything the person has marked on one plane.

    Parameters
    ----------
    points : (N, 2) float array, (row, column)
    labels : (N,) int array, 1 object or 0 background
    outlines : tuple of ShapeOutline
    mask : (H, W) bool array or None
    """

    points: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    outlines: tuple[ShapeOutline, ...]
    mask: npt.NDArray[np.bool_] | None
    shape: tuple[int, int]

    @property
    def empty(self) -> bool:
        return len(self.points) == 0 and not self.outlines and self.mask is None

    def signature(self) -> bytes:
        """Return what differs as soon as any mark does."""
        parts = [self.points.tobytes(), self.labels.tobytes()]
        parts += [f"{o.kind}{o.label}".encode() + o.vertices.tobytes() for o in self.outlines]
        parts.append(b"" if self.mask is None else np.packbits(self.mask).tobytes())
        return b"|".join(parts)

    def prompts(self, each_point: bool = False) -> tuple[Prompt, ...]:
        """Sort the marks into one prompt per object.

        Every box or closed outline is an object, with the points and strokes inside it. Those
        outside all of them describe one more object.

        Parameters
        ----------
        each_point : bool
            Whether every "this" point or stroke outside the outlines marks an object of its own;
            what says "not this" then belongs to the nearest of them.

        Raises
        ------
        PromptError
            When a mark belongs to no object; nothing is dropped silently.
        """
        closed = [outline for outline in self.outlines if outline.kind != "path"]
        said = _Said(self.points, self.labels, self._strokes())
        if not each_point and len(closed) <= 1:
            return (self._one(said, closed[0] if closed else None, self.mask),)
        if self.mask is not None:
            raise PromptError(
                "A painted mask describes one cell, but several are marked. Set the mask to "
                "'none', or mark one cell at a time."
            )
        prompts = []
        left = said
        for outline in closed:
            prompts.append(self._one(said.within(outline.vertices), outline, None))
            left = left.outside(outline.vertices)
        if each_point:
            return (*prompts, *left.each())
        if left:
            if not left.somewhere:
                raise PromptError(
                    "There are several boxes, and a 'not this' mark lies in none of them. "
                    "Move it into the box it is about, or remove it."
                )
            prompts.append(self._one(left, None, None))
        return tuple(prompts)

    def _one(
        self, said: _Said, outline: ShapeOutline | None, mask: npt.NDArray[np.bool_] | None
    ) -> Prompt:
        if outline is None:
            if mask is None and said and not said.somewhere:
                raise PromptError("Now mark the cell itself: left-click on it.")
            return Prompt(**said.words, mask=mask)
        if outline.kind == "polygon":
            drawn = Prompt.from_polygon(outline.vertices, self.shape)
            assert drawn.region is not None
            region = drawn.region
            if mask is not None:
                region = Region.of(mask | region.on(self.shape))
            placed = Placed(region, self.shape)
            return Prompt(**said.words, boxes=drawn.boxes, mask=placed)
        return Prompt(**said.words, boxes=[outline.box], mask=mask)

    def _strokes(self) -> tuple[tuple[Places, int], ...]:
        """Open lines, and what they say."""
        return tuple(
            (outline.vertices, outline.label) for outline in self.outlines if outline.kind == "path"
        )


class _Said(NamedTuple):
    """Points and strokes, which may be about several objects."""

    points: Places
    labels: npt.NDArray[np.int64]
    strokes: tuple[tuple[Places, int], ...]

    def __bool__(self) -> bool:
        return len(self.points) > 0 or len(self.strokes) > 0

    @property
    def somewhere(self) -> bool:
        """Whether any of it lies on an object."""
        on = (self.labels == FOREGROUND).any()
        return bool(on) or any(label == FOREGROUND for _, label in self.strokes)

    @property
    def words(self) -> dict[str, Any]:
        """The same as arguments of a prompt."""
        lines, labels = [line for line, _ in self.strokes], [label for _, label in self.strokes]
        return {
            "points": self.points,
            "labels": self.labels,
            "strokes": lines,
            "stroke_labels": labels,
        }

    def within(self, corners: Places) -> _Said:
        """What lies in the rectangle around some corners; a stroke where its middle does."""
        return self._where(corners, True)

    def outside(self, corners: Places) -> _Said:
        """What does not lie there."""
        return self._where(corners, False)

    def _where(self, corners: Places, inside: bool) -> _Said:
        low, high = corners.min(axis=0), corners.max(axis=0)

        def held(places: Places) -> npt.NDArray[np.bool_]:
            found: npt.NDArray[np.bool_] = ((places >= low) & (places <= high)).all(axis=-1)
            return found if inside else ~found

        kept = held(self.points)
        strokes = tuple(one for one in self.strokes if held(along(one[0], 3)[1]))
        return _Said(self.points[kept], self.labels[kept], strokes)

    def each(self) -> Iterator[Prompt]:
        """Make an object of every stroke and point that lies on one.

        What says "not this" is said to the nearest of them.
        """
        on = [Prompt(strokes=[line]) for line, label in self.strokes if label == FOREGROUND]
        on += [Prompt(points=[place]) for place in self.points[self.labels == FOREGROUND]]
        off = [(place[None], False) for place in self.points[self.labels != FOREGROUND]]
        off += [(line, True) for line, label in self.strokes if label != FOREGROUND]
        if off and not on:
            raise PromptError("Now mark the cell itself: left-click on it.")
        middles = np.array([one.foreground.mean(axis=0) for one in on]).reshape(-1, 2)
        told: list[list[tuple[Places, bool]]] = [[] for _ in on]
        for places, drawn in off:
            apart = np.linalg.norm(middles - places.mean(axis=0), axis=1)
            told[int(apart.argmin())].append((places, drawn))
        for one, others in zip(on, told, strict=True):
            points = [places for places, drawn in others if not drawn]
            lines = [places for places, drawn in others if drawn]
            yield Prompt(
                np.concatenate([one.points, *points]),
                [FOREGROUND] * len(one.points) + [BACKGROUND] * len(points),
                strokes=[*one.strokes, *lines],
                stroke_labels=[FOREGROUND] * len(one.strokes) + [BACKGROUND] * len(lines),
            )


def correcting(marks: Marks, mask: npt.NDArray[np.bool_]) -> Marks:
    """Let marks refine an object that is there.

    Models need to hear where the object is: with nothing but "not this", the middle of its mask
    speaks for it. A closed outline is drawn anew, whatever the mask was.
    """
    points, labels = marks.points, marks.labels
    if any(outline.kind == "polygon" for outline in marks.outlines):
        return marks
    stroked = any(o.kind == "path" and o.label == FOREGROUND for o in marks.outlines)
    if not stroked and not (labels == FOREGROUND).any():
        points = np.concatenate([[deepest(mask)], points])
        labels = np.concatenate([[FOREGROUND], labels])
    return replace(marks, points=points, labels=labels, mask=mask)


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
    outlines: list[ShapeOutline] = []
    if shapes is not None and shapes.visible and len(shapes.data):
        outlines = shapes_on_plane(viewer, shapes, image, plane)
        fresh = used.fresh(shapes, plane, [shapes.data[o.index] for o in outlines])
        outlines = [o for o, new in zip(outlines, fresh, strict=True) if new]
    painted = None
    if mask is not None and mask.visible:
        check_fit(image, mask, write=False)
        chosen = read_plane(mask, plane) == mask.selected_label
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
