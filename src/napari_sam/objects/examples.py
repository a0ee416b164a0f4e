"""Objects that a person shows: on which plane, and what a model makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam import checks, images
from napari_sam.errors import LabelsError
from napari_sam.images import Image
from napari_sam.models.model import Embedding, Model
from napari_sam.objects.describe import READING, Looks, Sight
from napari_sam.progress import Progress, part, silent

__all__ = ["Described", "Examples", "FindAll", "ShownPlane"]

Labels = npt.NDArray[np.integer[Any]]
FindAll = Callable[[npt.NDArray[Any], Embedding], Labels]
"""Finds all objects of a plane that is encoded, as labels with ids 1..n."""


class ShownPlane(NamedTuple):
    """A plane with objects that are shown.

    Attributes
    ----------
    pixels : (H, W) or (H, W, C) array
    labels : (H, W) integer array
        The examples, ids 1..n.
    limits : (low, high) or None
        Contrast limits, where they were set.
    """

    pixels: npt.NDArray[Any]
    labels: Labels
    limits: tuple[float, float] | None


class Described(NamedTuple):
    """What a model makes of what is shown: all objects there, and the examples, in parts."""

    every: tuple[Looks, ...]
    examples: tuple[Looks, ...]


class _Plane(NamedTuple):
    """All objects of a plane that is shown, and the examples among them."""

    every: Looks
    examples: Looks


@dataclass(frozen=True, eq=False)
class Examples:
    """Objects that a person shows, on one plane or several.

    Parameters
    ----------
    shown : tuple of ShownPlane
    more : tuple of (fingerprint, Looks)
        Objects that are described already, by which model.
    file : Path, optional
        The labels that they were read from.
    """

    shown: tuple[ShownPlane, ...]
    more: tuple[tuple[str, Looks], ...] = ()
    file: Path | None = None
    _known: dict[str, list[_Plane]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, image: Any, labels: Any) -> Examples:
        """Take objects of an image.

        Parameters
        ----------
        image : (..., H, W) or (..., H, W, 3) array, or Image
        labels : integer array of the image's rows and columns, or masks
            An id per example, 0 elsewhere; or a mask, each piece of which is an example; or, of a
            plane, a list of masks or an (n, H, W) array of them.

        Raises
        ------
        ImageError
        LabelsError
            When there is no example, or they do not fit the image.
        """
        described = Image.of(image)
        ids = _as_labels(getattr(labels, "labels", labels), described.shape)
        shown = []
        for block in described.blocks():
            marked = np.maximum(block.plane.take(ids), 0)
            if marked.any():
                shown.append(ShownPlane(np.asarray(block.read()), _counted(marked), block.limits))
        if not shown:
            raise LabelsError("There is no example: mark one object at least that is looked for.")
        return cls(tuple(shown))

    @classmethod
    def answers(cls, looks: Looks, model: str) -> Examples:
        """Take objects that a model of this fingerprint has described, and no plane."""
        return cls((), ((model, looks),))

    def with_more(self, looks: Looks, model: str) -> Examples:
        """Return these and objects that a model of this fingerprint has described."""
        return Examples(self.shown, (*self.more, (model, looks)), None, self._known)

    def same_planes(self, other: Examples | None) -> bool:
        """Whether another one shows the same, however many were added to either."""
        return other is not None and other._known is self._known

    def described(
        self,
        model: Model,
        find: FindAll,
        seen: tuple[npt.NDArray[Any], Embedding] | None = None,
        progress: Progress = silent,
    ) -> Described:
        """Describe the examples, and all objects that are found beside them.

        Parameters
        ----------
        model : Model
        find : callable
        seen : (pixels, Embedding), optional
            A plane that is encoded already; it may be one of those shown.
        progress : callable
            Called with 0..1; raise `Cancelled` from it to stop.

        Raises
        ------
        ModelError, Cancelled
        """
        if model.fingerprint not in self._known:
            parts = []
            for done, one in enumerate(self.shown):
                share = part(progress, done / len(self.shown), (done + 1) / len(self.shown))
                parts.append(_described(one, model, find, seen, share))
            self._known[model.fingerprint] = [*parts]
        return self.known(model.fingerprint)

    def known(self, model: str) -> Described:
        """Return what a model of this fingerprint has described before."""
        parts = self._known.get(model, [])
        added = [looks for name, looks in self.more if name == model]
        return Described(
            tuple(part.every for part in parts), (*(part.examples for part in parts), *added)
        )


def _described(
    one: ShownPlane,
    model: Model,
    find: FindAll,
    seen: tuple[npt.NDArray[Any], Embedding] | None,
    progress: Progress,
) -> _Plane:
    progress(0.0)
    if seen is not None and seen[1].plane_hash == images.content_hash(one.pixels):
        embedding = seen[1]
    else:
        reading = part(progress, 0.0, READING)
        embedding = model.encode(one.pixels, limits=one.limits, progress=reading)
    sight = Sight.of(one.pixels, embedding, model, part(progress, READING, 1.0))
    return _Plane(sight.looks(find(one.pixels, embedding)), sight.looks(one.labels))


def _as_labels(labels: Any, shape: tuple[int, ...]) -> Labels:
    """Return labels of an image's shape; masks become labels, later ones over earlier ones."""
    if _is_mask(labels) and labels.shape == shape:
        return np.asarray(ndi.label(labels)[0])
    masks = _masks(labels)
    if masks is not None:
        if any(mask.shape != shape for mask in masks):
            raise LabelsError(f"The masks of the examples must have the image's shape, {shape}.")
        found = np.zeros(shape, np.int32)
        for number, mask in enumerate(masks, 1):
            found[mask] = number
        return found
    ids = checks.labels(labels, "The examples", ndim=None)
    if ids.shape != shape:
        raise LabelsError(
            f"The labels of the examples have shape {ids.shape}, but their image {shape}: both "
            "must have the same rows and columns."
        )
    return ids


def _masks(labels: Any) -> Sequence[npt.NDArray[np.bool_]] | None:
    if isinstance(labels, list | tuple):
        labels = [np.asarray(mask) for mask in labels]
        return labels if all(map(_is_mask, labels)) else None
    return list(labels) if _is_mask(labels) and labels.ndim > 2 else None


def _is_mask(value: Any) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "") == "b"


def _counted(labels: Labels) -> Labels:
    """Return labels with ids 1..n."""
    ids, places = np.unique(labels, return_inverse=True)
    return (places.reshape(labels.shape) + (0 if ids[0] == 0 else 1)).astype(np.int32)
