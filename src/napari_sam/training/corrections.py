"""A person's corrected objects, cut into pieces that a model can learn from.

Few cells of an image are marked, mostly. What is neither marked nor close to something marked says
nothing: it may be a cell that nobody has come to yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage as ndi

from napari_sam import checks
from napari_sam.errors import LabelsError
from napari_sam.images import Image
from napari_sam.methods.finding_cells import find_cells
from napari_sam.models.cells.seen import as_seen
from napari_sam.models.model import Model
from napari_sam.progress import Progress, silent
from napari_sam.training.crops import AnnotatedPlane, cut_window, prepare_plane
from napari_sam.training.numbering import Numbers
from napari_sam.training.sampling import TARGET_DIAMETER, Example

__all__ = [
    "HELD",
    "TAUGHT",
    "UNSURE",
    "Piece",
    "draw",
    "known_pixels",
    "number_of",
    "pieces_of",
    "usual_diameter",
]

#: What an object of a piece is there for: to learn from, to compare on, or (found by the model
#: and by nobody marked) to say nothing about.
TAUGHT, HELD, UNSURE = 1, 2, 3
#: Width of the ring around marked objects that is background, as a share of their diameter.
RING = 0.2
#: Side of a piece in diameters, and the least and the most in pixels.
SIDE, LEAST, MOST = 16.0, 128, 1024
#: Smallest object in pixels, and the most pieces.
SMALLEST, PIECES = 8, 64
#: Factors around the size at which objects are shown.
SIZES = (0.6, 1.6)


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a person's image with marked objects.

    Attributes
    ----------
    pixels : ndarray
        (h, w) or (h, w, C), as they are.
    limits : tuple of float
        What the model sees as black and white.
    plane : AnnotatedPlane
        Ready to cut windows from; unmarked objects have ids too.
    roles : ndarray of uint8
        (n + 1,), :data:`TAUGHT`, :data:`HELD` or :data:`UNSURE` by id.
    objects : ndarray of int
        (m + 1,), numbers of the marked ones, whose ids come first, the same on every piece.
    exhaustive : bool
        Whether all that is not marked is background.
    """

    pixels: np.ndarray
    limits: tuple[float, float]
    plane: AnnotatedPlane
    roles: np.ndarray
    objects: np.ndarray
    exhaustive: bool

    @property
    def diameter(self) -> float:
        """Median diameter of the marked objects, in pixels."""
        return float(np.median(self.plane.diameter[self.marked]))

    @property
    def marked(self) -> np.ndarray:
        """Which ids are of marked objects, (n + 1,)."""
        return (self.roles == TAUGHT) | (self.roles == HELD)

    def ids(self, role: int) -> np.ndarray:
        """Return the ids of a role."""
        return np.flatnonzero(self.roles == role)


def pieces_of(
    examples: Iterable[tuple[Any, Any]],
    model: Model,
    exhaustive: bool,
    rng: np.random.Generator,
    enough: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> list[Piece]:
    """Cut the planes of images into pieces around what is marked; all of it is to be learnt from.

    Parameters
    ----------
    examples : iterable of (image, labels)
        As `napari_sam.training.adapt.adapt` takes them.
    model : Model
        Chooses the contrast limits, and finds unmarked objects.
    exhaustive : bool
    rng : numpy.random.Generator
    enough : callable
        Asked before every piece but the first; True ends the preparation.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Raises
    ------
    ImageError
    LabelsError
        When labels are no ids, or of another shape than their image.
    """
    planes: list[_Marked] = []
    for plane in _planes(examples, model):
        progress(0.0)  # so that reading can be cancelled: how much there is nobody knows
        planes.append(plane)
    parts = [(plane, part) for plane in planes for part in _parts(plane.labels, rng)]
    order = rng.permutation(len(parts))[:PIECES]
    pieces: list[Piece] = []
    for done, number in enumerate(order):
        progress(done / len(order))
        if done and enough():
            break
        plane, part = parts[number]
        piece = _piece(plane.pixels[part], plane.labels[part], plane.limits, model, exhaustive)
        if piece is not None:
            pieces.append(piece)
    return pieces


class _Marked(NamedTuple):
    """A plane of a person's with marked objects; an id means the same object on all planes."""

    pixels: np.ndarray
    labels: np.ndarray
    limits: tuple[float, float]


def _planes(examples: Iterable[tuple[Any, Any]], model: Model) -> Iterator[_Marked]:
    """Yield every plane with marked objects."""
    numbers = Numbers()
    for number, example in enumerate(examples):
        try:
            image, labels = example
        except (TypeError, ValueError) as error:
            raise LabelsError(
                f"Example {number} is no pair: expected (image, labels), got "
                f"{type(example).__name__}."
            ) from error
        described = Image.of(image)
        ids = checks.labels(getattr(labels, "labels", labels), ndim=None)
        if ids.shape != described.shape:
            raise LabelsError(
                f"The labels of example {number} have shape {ids.shape}, but its image "
                f"{described.shape}: both must have the same rows and columns."
            )
        for block in described.blocks():
            # Negative ids, by which other programs say that a pixel is not known, are no objects.
            marked = np.maximum(block.plane.take(ids), 0)
            if marked.any():
                seen = np.asarray(block.read())
                limits = model.limits_for(seen, block.limits)
                yield _Marked(seen, numbers.of(number, seen, marked), limits)


def _parts(labels: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[slice, slice]]:
    """Choose parts of a plane that together hold all marked objects."""
    boxes = filter(None, ndi.find_objects(labels))
    corners = np.array([(r.start, c.start, r.stop, c.stop) for r, c in boxes])
    sides = np.sqrt((corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]))
    side = float(np.clip(SIDE * np.median(sides), LEAST, MOST))
    left = np.ones(len(corners), bool)
    while left.any():
        first = corners[rng.choice(np.flatnonzero(left))]
        part = []
        for low, high, length in ((0, 2, labels.shape[0]), (1, 3, labels.shape[1])):
            reach = int(max(side, 2 * (first[high] - first[low])))
            start = int(np.clip((first[low] + first[high] - reach) // 2, 0, max(length - reach, 0)))
            part.append(slice(start, min(start + reach, length)))
        rows, columns = part
        inside = (corners[:, 0] >= rows.start) & (corners[:, 2] <= rows.stop)
        inside &= (corners[:, 1] >= columns.start) & (corners[:, 3] <= columns.stop)
        left &= ~inside
        yield rows, columns


def _piece(
    pixels: np.ndarray,
    labels: np.ndarray,
    limits: tuple[float, float],
    model: Model,
    exhaustive: bool,
) -> Piece | None:
    """Prepare a part; None if nothing on it is large enough."""
    ids, flat = np.unique(labels, return_inverse=True)
    # What is too small to learn from counts as background, as in training.
    large = (np.bincount(flat.ravel()) >= SMALLEST) & (ids > 0)
    if not large.any():
        return None
    objects = np.concatenate([[0], ids[large]])
    every = (np.cumsum(large) * large)[flat].reshape(labels.shape).astype(np.int32)
    if not exhaustive:
        every = _with_unmarked(every, pixels, limits, model)
    plane = prepare_plane(as_seen(pixels, limits), every, "yours")
    if plane is None:
        return None
    roles = np.full(len(plane.diameter), UNSURE, np.uint8)
    roles[0], roles[1 : len(objects)] = 0, TAUGHT
    return Piece(pixels, limits, plane, roles, objects, exhaustive)


def _with_unmarked(
    marked: np.ndarray, pixels: np.ndarray, limits: tuple[float, float], model: Model
) -> np.ndarray:
    """Add what the model finds besides the marked objects, by ids above theirs."""
    sizes = np.sqrt(np.bincount(marked.ravel())[1:] * 4 / np.pi)
    embedding = model.encode(pixels, limits=limits)
    found = find_cells(pixels, embedding, model, diameter=float(np.median(sizes))).choose().labels
    area = np.bincount(found.ravel())
    covered = np.bincount(found[marked > 0], minlength=len(area)) / np.maximum(area, 1)
    other = (covered < 0.25) & (area >= SMALLEST)
    other[0] = False
    lookup = np.where(other, np.cumsum(other) + marked.max(), 0)
    return np.where(marked > 0, marked, lookup[found]).astype(np.int32)


def number_of(pieces: list[Piece], role: int) -> int:
    """Count the marked objects of a role, each once."""
    return len({int(piece.objects[one]) for piece in pieces for one in piece.ids(role)})


def usual_diameter(pieces: list[Piece]) -> float:
    """Return the median diameter of all marked objects, in pixels."""
    marked = [piece.plane.diameter[piece.marked] for piece in pieces]
    return float(np.median(np.concatenate(marked)))


def known_pixels(labels: np.ndarray, roles: np.ndarray, exhaustive: bool) -> np.ndarray:
    """Mark the pixels of which it is known whether they belong to an object.

    Parameters
    ----------
    labels : ndarray of int
        (h, w), ids of a piece, in a window where objects are about 32 pixels across at stride 2.
    roles : ndarray of uint8
        See :class:`Piece`.
    exhaustive : bool

    Returns
    -------
    ndarray of bool
        The objects to learn from and a ring around them; with ``exhaustive`` all but the
        other objects.
    """
    mine = roles[labels] == TAUGHT
    if exhaustive:
        return mine | (labels == 0)
    width = max(1, round(RING * TARGET_DIAMETER / 2))
    return mine | (ndi.binary_dilation(mine, iterations=width) & (labels == 0))


def draw(piece: Piece, size: int, rng: np.random.Generator) -> tuple[Example, np.ndarray]:
    """Cut a window around one of the objects to learn from.

    Returns
    -------
    Example
        It shows these objects alone; the others are background in it.
    known : ndarray of bool
        (size/2, size/2), where it may be believed.
    """
    plane = piece.plane
    wanted = int(rng.choice(piece.ids(TAUGHT)))
    # As large as the automatic mode shows it, or a click, or a box.
    goal = (piece.diameter, plane.diameter[wanted], plane.extent[wanted] * 2 / 3)
    zoom = TARGET_DIAMETER / float(goal[int(rng.integers(3))])
    zoom = float(np.clip(zoom * np.exp(rng.uniform(*np.log(SIZES))), 1 / 24, 8))
    r0, c0, r1, c1 = plane.corners[wanted]
    shift = rng.uniform(-0.35, 0.35, 2) * size / zoom
    middle = (float((r0 + r1) / 2 + shift[0]), float((c0 + c1) / 2 + shift[1]))
    angle = float(rng.integers(4)) * np.pi / 2
    if rng.random() < 0.5:
        angle = float(rng.uniform(0, 2 * np.pi))
    window = cut_window(plane, middle, zoom, size, angle, bool(rng.random() < 0.5))
    known = known_pixels(window.labels, piece.roles, piece.exhaustive)
    mine = piece.roles[window.labels] == TAUGHT
    ids, compact = np.unique(np.where(mine, window.labels, 0), return_inverse=True)
    if ids[0] != 0:
        ids, compact = np.concatenate([[0], ids]), compact + 1
    coarse = mine[2::4, 2::4]
    example = Example(
        np.ascontiguousarray(_relit(window.image, rng).transpose(2, 0, 1)),
        compact.reshape(mine.shape).astype(np.int32),
        window.centre * mine,
        window.depth * mine,
        np.where(mine, window.inward, np.nan).astype(np.float32),
        np.where(coarse, window.sizes, np.nan).astype(np.float32),
        int(np.searchsorted(ids, wanted)) if wanted in ids else 0,
    )
    return example, known


def _relit(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change a window as little as images of one sample differ, (S, S, 3)."""
    if rng.random() < 0.7:
        low, high = rng.normal(0, 0.03), 1 + rng.normal(0, 0.08)
        image = np.clip((image - low) / (high - low), 0, 1.1)
        image = np.maximum(image, 0) ** np.exp(rng.normal(0, 0.15)).astype(np.float32)
    if rng.random() < 0.3:
        image = image + rng.uniform(0.005, 0.03) * rng.standard_normal(image.shape, np.float32)
    if image.shape[-1] == 1:
        image = np.repeat(image, 3, axis=-1)
    return np.clip(image, -0.1, 1.2).astype(np.float32)
