"""What a model makes of corrected objects that it was not shown, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.contrast import normalise
from napari_sam.methods.finding_cells import find_cells
from napari_sam.models.model import Model
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Prompt
from napari_sam.regions import deepest, extent, mask_iou
from napari_sam.training.corrections import HELD, RING, UNSURE, Piece
from napari_sam.training.metrics import iou_matrix
from napari_sam.training.shown_samples import ShownSample

__all__ = ["Judged", "Seen", "first_held", "look_at", "samples"]

Mask = npt.NDArray[np.bool_]
#: Of an object's side that is shown around it, and pixels besides.
AROUND, LEAST = 0.15, 4
_SHOWN = 4  # objects of which a person sees pictures


@dataclass(frozen=True, eq=False)
class Judged:
    """How well a model sees one object.

    Parameters
    ----------
    match : float
        IoU with the best of the objects that it finds by itself.
    click : float
        Mean IoU of its first answers to one click, in the middle and elsewhere.
    found : (h, w) bool
        The best object found, within `window_around` the true one; empty where there is none.
    """

    match: float
    click: float
    found: Mask

    @property
    def worth(self) -> float:
        """Both in one number."""
        return (self.match + self.click) / 2


@dataclass(frozen=True, eq=False)
class Seen:
    """What a model makes of all objects of a role.

    Parameters
    ----------
    each : tuple of Judged
        In the order of the pieces and of their ids.
    wrong : int
        How much else it finds where it is known that nothing is.
    """

    each: tuple[Judged, ...]
    wrong: int = 0

    @classmethod
    def joined(cls, parts: Iterable[Seen]) -> Seen:
        """Put several behind each other."""
        parts = list(parts)
        each = tuple(one for part in parts for one in part.each)
        return cls(each, sum(part.wrong for part in parts))

    @property
    def figures(self) -> dict[str, float]:
        """Means: ``"ap50"``, ``"found"``, ``"match"`` and ``"click"``; empty without objects.

        ``"found"`` is the share of objects found with an IoU above .5; ``"ap50"`` is the average
        precision at an IoU of .5 of the automatic mode, all pieces together:
        hits / (hits + missed + wrong). ``"wrong"`` is how much is found where no object is.
        """
        if not self.each:
            return {}
        hits = sum(one.match > 0.5 for one in self.each)
        return {
            "ap50": hits / (len(self.each) + self.wrong),
            "found": hits / len(self.each),
            "wrong": float(self.wrong),
            "match": float(np.mean([one.match for one in self.each])),
            "click": float(np.mean([one.click for one in self.each])),
        }


def look_at(
    model: Model,
    pieces: Sequence[Piece],
    role: int = HELD,
    progress: Progress = silent,
    enough: Callable[[], bool] = lambda: False,
    least: int = 1,
) -> Seen:
    """Let a model find and outline the objects of a role, as a person meets it.

    Parameters
    ----------
    model : Model
    pieces : sequence of Piece
    role : int
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.
    enough : callable
        Asked after every object; True ends it. Later objects are not among what is returned.
    least : int
        How many objects are looked at whatever `enough` says.
    """
    each: list[Judged] = []
    wrong, count = 0, sum(len(piece.ids(role)) for piece in pieces)
    over = False
    for piece in pieces:
        ids = piece.ids(role)
        if not len(ids):
            continue
        progress(len(each) / count)
        embedding = model.encode(piece.pixels, limits=piece.limits)
        progress(len(each) / count)
        found = find_cells(piece.pixels, embedding, model).choose().labels
        iou = iou_matrix(np.where(np.isin(piece.plane.labels, ids), piece.plane.labels, 0), found)
        before = len(each)
        for one, row in zip(ids, iou, strict=True):
            progress(len(each) / count)
            truth = piece.plane.labels == one
            clicks = [
                mask_iou(truth, model.predict(embedding, Prompt(points=[point])).masks[0])
                for point in _places(truth)
            ]
            best = _best(found, row)
            match = float(row.max(initial=0.0))
            each.append(Judged(match, float(np.mean(clicks)), best[window_around(truth)]))
            over = len(each) >= least and enough()
            if over:
                break
        looked = len(each) - before
        wrong += _wrong(_first_of(piece, role, looked), found, iou[:looked], role)
        if over:
            break
    progress(1.0)
    return Seen(tuple(each), wrong)


def first_held(pieces: Sequence[Piece], count: int) -> list[Piece]:
    """Return pieces on which the first objects held back are; those after them say nothing."""
    kept = []
    for piece in pieces:
        held = min(count, len(piece.ids(HELD)))
        kept.append(_first_of(piece, HELD, held))
        count -= held
    return kept


def _first_of(piece: Piece, role: int, count: int) -> Piece:
    """Return a piece on which the first objects of a role have it; those after them say nothing."""
    after = piece.ids(role)[count:]
    if not len(after):
        return piece
    roles = piece.roles.copy()
    roles[after] = UNSURE
    return replace(piece, roles=roles)


def samples(pieces: Sequence[Piece], before: Seen, after: Seen) -> list[ShownSample]:
    """Show some of the objects held back, evenly spread over all of them."""
    places = [(piece, one) for piece in pieces for one in piece.ids(HELD)]
    chosen = np.unique(
        np.linspace(0, len(places) - 1, min(_SHOWN, len(places))).round().astype(int)
    )
    shown = []
    for at in chosen:
        piece, one = places[at]
        truth = piece.plane.labels == one
        box = window_around(truth)
        picture = normalise(piece.pixels[box], piece.limits)
        if picture.ndim == 2 or picture.shape[-1] == 1:
            picture = np.repeat(picture.reshape(*picture.shape[:2], 1), 3, axis=-1)
        eight = (255 * np.clip(picture[..., :3], 0, 1)).astype(np.uint8)
        shown.append(ShownSample(eight, truth[box], before.each[at].found, after.each[at].found))
    return shown


def window_around(truth: Mask) -> tuple[slice, slice]:
    """Return rows and columns of an object and its surroundings."""
    rows, columns = extent(truth)
    longest = max(rows.stop - rows.start, columns.stop - columns.start) - 1
    reach = int(AROUND * longest) + LEAST
    return (
        slice(max(rows.start - reach, 0), rows.stop + reach),
        slice(max(columns.start - reach, 0), columns.stop + reach),
    )


def _places(truth: Mask) -> list[tuple[int, int]]:
    """Return where an object is clicked: in its middle, and at a third and two thirds of it."""
    inside = np.argwhere(truth)
    return [deepest(truth), *(tuple(inside[len(inside) * n // 3]) for n in (1, 2))]


def _best(found: npt.NDArray[np.integer], iou: npt.NDArray[np.float64]) -> Mask:
    """Return the found object that overlaps one most."""
    ids = np.unique(found[found > 0])
    if not len(iou) or iou.max() <= 0:
        return np.zeros(found.shape, bool)
    return np.asarray(found == ids[int(iou.argmax())])


def _wrong(
    piece: Piece, found: npt.NDArray[np.integer], iou: npt.NDArray[np.float64], role: int
) -> int:
    """Count what is found mostly on pixels that are known, and is none of the objects."""
    labels = piece.plane.labels
    mine = piece.roles[labels] == role
    known = mine | (labels == 0)
    if not piece.exhaustive:
        known &= ndi.binary_dilation(mine, iterations=max(1, round(RING * piece.diameter)))
    area = np.bincount(found.ravel())
    counts = 2 * np.bincount(found[known], minlength=len(area)) > area
    present = np.flatnonzero(area)
    counts = counts[present[present > 0]]
    return int(np.count_nonzero(counts & ~(iou > 0.5).any(0))) if iou.size else int(counts.sum())
