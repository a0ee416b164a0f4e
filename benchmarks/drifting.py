"""Stacks to teach by, out of single annotated images: what is seen drifts from slice to slice.

The image is bent a bit more on every slice, by smooth fields, and some of its objects, those that
touch no other, become smaller towards both ends, like bodies that are cut further from their
middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.transform import resize

from napari_sam.regions import Mask
from napari_sam.training.pairs import Pair, find_pairs
from napari_sam.training.split import split_pairs
from stack_samples import REAL, Stack
from varied_stacks import counted, disturbed, redrawn, scaled

Field = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]

DEPTH, SIDE = 17, 112  # slices, and pixels of their sides at most
ACROSS = 9.0, 40.0  # pixels that a usual object becomes wide
BENDS = 3  # fields that bend the image, each at its own pace
BENT = 0.7  # widths of an object by which it is moved at most, about
CLOSED = 0.7  # share of objects that end, of those around which there is room
FREE = 0.75  # share of what lies around an object that has to be no other object
RIM = 2  # pixels around an object that show it, too
ENDED = 0.15  # share of its radius left, below which it has ended


@cache
def taught_images(folder: Path) -> list[Pair]:
    """Return the annotated images of a folder that may be learnt from, but for stacks.

    Those teach as they are, or are left to be measured on.
    """
    pairs, _ = split_pairs(find_pairs(folder))
    return [pair for pair in pairs if not pair.name.startswith(tuple(REAL))]


def drifting(pairs: Sequence[Pair], rng: np.random.Generator) -> Stack | None:
    """Make a stack of an image, drawn so that every kind comes as often; None of an empty one."""
    kinds = sorted({pair.modality for pair in pairs})
    kind = kinds[int(rng.integers(len(kinds)))]
    some = [pair for pair in pairs if pair.modality == kind]
    found = _cut(some[int(rng.integers(len(some)))], rng)
    if found is None:
        return None
    image, labels, across = found
    bodies = [
        _Body.of(labels, number, rng)
        for number in np.unique(labels[labels > 0])
        if rng.random() < CLOSED and _lies_free(labels == number, labels)
    ]
    empty, left = _without(image, labels, [body.number for body in bodies])
    bend = _bend(image.shape, BENT * across, rng)
    moved, drawn = [], []
    for index in range(DEPTH):
        picture, numbers = empty.copy(), left.copy()
        for body in bodies:
            body.put(image, labels, index, picture, numbers)
        at = np.indices(image.shape) + bend[index]
        moved.append(ndi.map_coordinates(picture, at, order=1, mode="reflect"))
        drawn.append(ndi.map_coordinates(numbers, at, order=0, mode="reflect"))
    stack = disturbed(scaled(np.stack(moved)), 1.0, rng)
    flat = (2.0 * across, 1.0, 1.0)  # nothing is drawn on slices that it is not on
    labels = redrawn(np.stack(drawn), float(rng.normal(0, 0.5)), flat)
    return Stack(f"drifting {kind}", counted(stack), labels)


def _cut(pair: Pair, rng: np.random.Generator) -> tuple[Field, Labels, float] | None:
    planes = list(pair.planes())
    image, labels = planes[int(rng.integers(len(planes)))]
    image = image.astype(float)
    if image.ndim == 3:
        image = image @ rng.dirichlet(np.ones(image.shape[2]))
    sizes = np.bincount(labels.ravel())[1:]
    if not sizes.any():
        return None
    usual = float(np.sqrt(np.median(sizes[sizes > 0])))
    across = float(np.exp(rng.uniform(*np.log(ACROSS))))
    side = int(np.ceil(SIDE * usual / across))
    rows, columns = np.nonzero(labels)
    one = int(rng.integers(len(rows)))
    corner = [
        int(np.clip(at - side // 2, 0, max(0, size - side)))
        for at, size in zip((rows[one], columns[one]), labels.shape, strict=True)
    ]
    there = tuple(slice(first, first + side) for first in corner)
    image, labels = image[there], labels[there]
    shape = tuple(max(24, round(size * across / usual)) for size in image.shape)
    image = resize(image, shape, order=1, anti_aliasing=True, preserve_range=True)
    return image, resize(labels, shape, order=0, preserve_range=True).astype(np.int32), across


def _bend(shape: tuple[int, ...], most: float, rng: np.random.Generator) -> Field:
    """Return how far every pixel is moved on every slice: (DEPTH, 2, H, W)."""
    along = np.linspace(0, 1, DEPTH)
    found = np.zeros((DEPTH, 2, *shape))
    for _ in range(BENDS):
        rough = int(rng.integers(2, 6))
        coarse = rng.normal(0, 1, (2, rough, rough))
        field = ndi.zoom(coarse, (1, shape[0] / rough, shape[1] / rough), order=3)
        pace = np.sin(2 * np.pi * (rng.uniform(0.2, 1.2) * along + rng.random()))
        found += pace[:, None, None, None] * field
    return found * most * rng.uniform(0.1, 1.0) / BENDS


def _lies_free(mask: Mask, labels: Labels) -> bool:
    """Tell whether what lies around an object is no other object."""
    ring = ndi.binary_dilation(mask, iterations=4) & ~mask
    return bool(ring.any() and (labels[ring] == 0).mean() > FREE)


def _without(image: Field, labels: Labels, numbers: Sequence[int]) -> tuple[Field, Labels]:
    """Take objects out: their place is filled by what is mirrored at their border."""
    gone = np.isin(labels, numbers)
    if not gone.any():
        return image, labels
    out = gone | (ndi.binary_dilation(gone, iterations=RIM) & (labels == 0))
    border = ndi.distance_transform_edt(out, return_indices=True)[1]
    across = 2 * border - np.indices(image.shape)
    read = [np.clip(at, 0, size - 1) for at, size in zip(across, image.shape, strict=True)]
    other = labels[tuple(read)] != 0
    read = [np.where(other, near, far) for near, far in zip(border, read, strict=True)]
    filled = image[tuple(read)]
    return np.where(out, filled, image), np.where(gone, 0, labels)


@dataclass(frozen=True)
class _Body:
    """An object that is largest on one slice and ends some slices from it."""

    number: int
    middle: Field
    largest: float
    half: float

    @classmethod
    def of(cls, labels: Labels, number: int, rng: np.random.Generator) -> _Body:
        middle = np.argwhere(labels == number).mean(0)
        return cls(int(number), middle, rng.uniform(0, DEPTH), rng.uniform(2.0, 0.8 * DEPTH))

    def put(self, image: Field, labels: Labels, index: int, onto: Field, numbers: Labels) -> None:
        """Paint it as large as it is on a slice; nothing where it has ended."""
        left = np.sqrt(max(0.0, 1 - ((index - self.largest) / self.half) ** 2))
        if left < ENDED:
            return
        middle = self.middle[:, None, None]
        at = middle + (np.indices(image.shape) - middle) / left
        mine = (labels == self.number).astype(float)
        share = ndi.map_coordinates(ndi.gaussian_filter(mine, 0.7), at, order=1)
        looks = ndi.map_coordinates(image, at, order=1, mode="reflect")
        onto += share * (looks - onto)
        numbers[ndi.map_coordinates(mine, at, order=0) > 0] = self.number
