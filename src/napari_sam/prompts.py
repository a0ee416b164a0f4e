"""Prompts: what a person says about one object on one plane.

Coordinates are ``(row, column)`` pixels of the plane, pixel centres on whole numbers, as in
NumPy and napari. The ``(x, y)`` order of Segment Anything exists only inside a model backend.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import PromptError
from napari_sam.polygons import fill
from napari_sam.prompt_values import (
    boxes_of,
    boxes_within,
    labels_of,
    logits_of,
    mask_of,
    places_within,
    strokes_of,
)
from napari_sam.regions import Region
from napari_sam.strokes import along

FOREGROUND = 1
BACKGROUND = 0

Window = tuple[float, float, float, float]
"""Edges ``(r0, c0, r1, c1)`` of a region of the plane, in pixels; may reach beyond the plane."""


class Placed(NamedTuple):
    """A mask as it is known already: a region, and the shape of its plane."""

    region: Region
    shape: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Prompt:
    """Points, strokes, a box, a mask or a text that all describe ONE object on ONE plane.

    Parameters
    ----------
    points : (N, 2) array-like
        ``(row, column)`` pixels.
    labels : (N,) array-like of {0, 1}, optional
        1 where the object is, 0 where it is not. All 1 by default.
    boxes : (1, 4) array-like
        ``(r0, c0, r1, c1)``, corners in any order. One object has one box: `split` turns
        several boxes into several prompts.
    mask : (H, W) array-like or Placed, optional
        A rough mask of the object over the whole plane; anything non-zero is inside.
    logits : (h, w) array-like, optional
        Low-resolution logits of an earlier answer (``found.logits[k]``), to refine it.
    window : tuple of 4 floats, optional
        The region those logits cover (``found.window``). Without logits, where to look: a model
        that looks at a part of the plane takes this one if all marks lie in it.
    text : str, optional
        Words for the object, for models that understand them.
    strokes : sequence of (N, 2) array-like
        Lines drawn along the object, or beside it; each has two corners at least.
    stroke_labels : (S,) array-like of {0, 1}, optional
        1 for a line on the object, 0 for one beside it. All 1 by default.

    Attributes
    ----------
    region : Region or None
        The rough mask with the place where it lies: small, however large the plane is.
    mask_shape : (H, W) or None
        Of the plane of the mask.

    Raises
    ------
    PromptError
        When a value is malformed or the prompt says nothing about where the object is.
    """

    points: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    labels: npt.NDArray[np.int64] | None = None
    boxes: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)))
    region: Region | None = None
    mask_shape: tuple[int, int] | None = None
    logits: npt.NDArray[np.float32] | None = None
    window: Window | None = None
    text: str | None = None
    strokes: tuple[npt.NDArray[np.float64], ...] = ()
    stroke_labels: npt.NDArray[np.int64] | None = None

    def __init__(
        self,
        points: Any = (),
        labels: Any = None,
        boxes: Any = (),
        mask: Any = None,
        logits: Any = None,
        window: Sequence[float] | None = None,
        text: str | None = None,
        strokes: Any = (),
        stroke_labels: Any = None,
    ) -> None:
        point_array = checks.places(points, 2, "points", PromptError)
        region = shape = None
        if mask is not None and not isinstance(mask, Placed):
            given = mask_of(mask)
            given.flags.writeable = False
            region, shape = Region.of(given), given.shape
            self.__dict__["mask"] = given
        elif mask is not None:
            region, shape = mask.region, mask.shape
        if region is not None and not region.area:
            raise PromptError("The mask is empty: paint some of the object first.")
        lines = strokes_of(strokes)
        values: dict[str, Any] = {
            "points": point_array,
            "labels": labels_of(labels, len(point_array)),
            "boxes": boxes_of(boxes),
            "region": region,
            "mask_shape": shape,
            "logits": None if logits is None else logits_of(logits),
            "window": None if window is None else checks.window(window, "window", PromptError),
            "text": None if text is None else checks.text(text, "text", PromptError).strip(),
            "strokes": lines,
            "stroke_labels": labels_of(stroke_labels, len(lines), "strokes"),
        }
        somewhere = (
            bool((values["labels"] == FOREGROUND).any())
            or bool((values["stroke_labels"] == FOREGROUND).any())
            or len(values["boxes"]) > 0
            or region is not None
            or values["logits"] is not None
            or bool(values["text"])
        )
        if not somewhere:
            raise PromptError(
                "The prompt does not say where the object is: "
                "give at least one point with label 1, a stroke, a box, a mask or a text."
            )
        for name, value in values.items():
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, np.ndarray):
                    part.flags.writeable = False
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        said = {
            "points": self.points.tolist(),
            "labels": [] if self.labels is None else self.labels.tolist(),
            "boxes": self.boxes.tolist(),
            "mask": "" if self.region is None else f"{self.region.area} pixels",
            "logits": "" if self.logits is None else self.logits.shape,
            "window": self.window,
            "text": self.text,
            "strokes": [line.tolist() for line in self.strokes],
        }
        return f"Prompt({', '.join(f'{name}={what}' for name, what in said.items() if what)})"

    @cached_property
    def mask(self) -> npt.NDArray[np.bool_] | None:
        """The rough mask over the whole plane, (H, W), or None."""
        if self.region is None or self.mask_shape is None:
            return None
        mask = self.region.on(self.mask_shape)
        mask.flags.writeable = False
        return mask

    @classmethod
    def from_polygon(
        cls, vertices: Any, shape: tuple[int, int], points: Any = (), labels: Any = None
    ) -> Prompt:
        """Prompt with the filled polygon as mask and its extent as box.

        Parameters
        ----------
        vertices : (N, 2) array-like
            ``(row, column)`` corners, N >= 3.
        shape : (H, W)
            Size of the plane.
        points, labels
            As of the class, beside it.

        Returns
        -------
        Prompt

        Raises
        ------
        PromptError
            When there is no such polygon, or it covers no pixel of the plane.

        Examples
        --------
        >>> prompt = Prompt.from_polygon([(1, 1), (1, 3), (3, 3), (3, 1)], (5, 6))
        >>> prompt.box, int(prompt.mask.sum())
        ((1.0, 1.0, 3.0, 3.0), 9)
        """
        corners = checks.corners(vertices, 3, "A polygon", PromptError)
        shape = checks.plane_shape(shape, PromptError)
        low, high = corners.min(axis=0), corners.max(axis=0)
        first = np.clip(np.floor(low), 0, np.array(shape)).astype(int)
        last = np.clip(np.ceil(high) + 1, first, np.array(shape)).astype(int)
        height, width = (int(side) for side in last - first)
        region = Region.of(fill(corners - first, (height, width)), int(first[0]), int(first[1]))
        if not region.area:
            raise PromptError("The polygon covers no pixel of the plane.")
        return cls(points, labels, boxes=[(*low, *high)], mask=Placed(region, shape))

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """The one box ``(r0, c0, r1, c1)``, or None.

        Raises
        ------
        PromptError
            When there are several boxes, which are several objects.
        """
        if len(self.boxes) == 0:
            return None
        if len(self.boxes) > 1:
            raise PromptError(
                f"One prompt describes one object, but it has {len(self.boxes)} boxes. "
                "Use model.predict_each(embedding, prompt.split()) for several objects."
            )
        r0, c0, r1, c1 = (float(v) for v in self.boxes[0])
        return r0, c0, r1, c1

    @cached_property
    def all_points(self) -> npt.NDArray[np.float64]:
        """Points (N, 2) and places along the strokes, as models hear of them."""
        return np.concatenate([self.points, *map(along, self.strokes)])

    @cached_property
    def all_labels(self) -> npt.NDArray[np.int64]:
        """What `all_points` say, (N,): 1 object, 0 background."""
        assert self.labels is not None
        assert self.stroke_labels is not None
        counts = [len(along(line)) for line in self.strokes]
        return np.concatenate([self.labels, np.repeat(self.stroke_labels, counts)])

    @property
    def foreground(self) -> npt.NDArray[np.float64]:
        """Places (N, 2) on the object: points, and along strokes."""
        return np.asarray(self.all_points[self.all_labels == FOREGROUND])

    def without_logits(self) -> Prompt:
        """Return the same prompt, said for the first time."""
        region, shape = self.region, self.mask_shape
        return self.with_mask(None if region is None or shape is None else Placed(region, shape))

    def with_mask(self, placed: Placed | None) -> Prompt:
        """Return the same prompt with this rough mask or none, said for the first time."""
        return Prompt(
            *(self.points, self.labels, self.boxes, placed),
            text=self.text,
            strokes=self.strokes,
            stroke_labels=self.stroke_labels,
        )

    def split(self) -> list[Prompt]:
        """Return one prompt per box.

        A point that lies inside a box goes with every box that holds it; a point outside all
        of them belongs to no single object and is refused.

        Returns
        -------
        list of Prompt

        Raises
        ------
        PromptError
            When a point lies in no box, or a mask or a stroke would have to be shared.

        Examples
        --------
        >>> two = Prompt(points=[(2, 2)], boxes=[(0, 0, 4, 4), (6, 6, 9, 9)])
        >>> [len(one.points) for one in two.split()]
        [1, 0]
        """
        if len(self.boxes) <= 1:
            return [self]
        assert self.labels is not None
        masked = self.region is not None or self.logits is not None
        if masked or self.strokes:
            what = "A mask" if masked else "A stroke"
            raise PromptError(f"{what} describes one object; it cannot be shared by several boxes.")
        inside: npt.NDArray[np.bool_] = np.all(
            (self.points[None] >= self.boxes[:, None, :2])
            & (self.points[None] <= self.boxes[:, None, 2:]),
            axis=2,
        )
        if len(self.points) and not inside.any(axis=0).all():
            raise PromptError(
                "Several boxes make several objects, but a point lies in none of them. "
                "Move it into a box or remove it."
            )
        return [
            Prompt(
                points=self.points[held],
                labels=self.labels[held],
                boxes=[box],
                text=self.text,
            )
            for box, held in zip(self.boxes, inside, strict=True)
        ]

    def on(self, shape: tuple[int, int]) -> Prompt:
        """Check the prompt, and cut its boxes where the plane ends.

        A model takes a box that was drawn across the border for an object as large as the box.

        Examples
        --------
        >>> Prompt(boxes=[(-20, 3, 5, 8)]).on((9, 9)).box
        (-0.5, 3.0, 5.0, 8.0)
        """
        self.check(shape)
        boxes = self.boxes.clip(-0.5, np.tile(np.array(shape) - 0.5, 2))
        boxes.flags.writeable = False
        cut = copy.copy(self)
        object.__setattr__(cut, "boxes", boxes)
        return cut

    def check(self, shape: tuple[int, int]) -> None:
        """Refuse a prompt that does not fit a plane of this shape.

        Raises
        ------
        PromptError
            When a point or a stroke lies outside the plane, a box misses it, or the mask has
            another shape.
        """
        shape = checks.plane_shape(shape, PromptError)
        for what, places in (("point", self.points), *(("stroke", s) for s in self.strokes)):
            places_within(places, what, shape)
        boxes_within(self.boxes, shape)
        if self.mask_shape is not None and self.mask_shape != shape:
            raise PromptError(
                f"The mask has shape {self.mask_shape}, but the plane has {shape}: "
                "use a Labels layer with the same size as the image."
            )
