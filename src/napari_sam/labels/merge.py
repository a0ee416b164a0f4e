"""What becomes of objects found automatically where a person has labelled objects already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import ParameterError

Rule = Literal["empty", "whole", "replace"]
"""``"empty"`` paints only where nothing is labelled, ``"whole"`` adds only objects that meet no
labelled one, ``"replace"`` takes what is labelled away first."""

RULES: tuple[Rule, ...] = get_args(Rule)
#: An object is there already when more than this share of it is labelled.
TAKEN = 0.5

Labels = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Merged:
    """A plane of labels with found objects in it.

    Parameters
    ----------
    labels : (H, W) int64
        The whole plane as it shall be.
    ids : tuple of int
        Ids of the objects that were added.
    left_out : int
        How many found objects were not added.
    removed : int
        How many labelled objects were taken away.
    numbers : (n + 1,) int64
        The id that each found object was added under, 0 for those left out.
    """

    labels: npt.NDArray[np.int64]
    ids: tuple[int, ...]
    left_out: int
    removed: int
    numbers: npt.NDArray[np.int64]


def merge(
    found: Labels, before: Labels, rule: Rule, first: int, within: Mask | None = None
) -> Merged:
    """Put found objects into a plane of labels by an explicit rule.

    Parameters
    ----------
    found : (H, W) integer array
        Objects 1..n without gaps, 0 background.
    before : (H, W) integer array
        What is labelled, 0 background. Not changed.
    rule : {"empty", "whole", "replace"}
        "empty": found objects fill empty pixels; those that are labelled already by more than
        half are left out. "whole": found objects that share a pixel with a labelled one are left
        out, the others are added whole. "replace": labelled objects that lie in the searched
        region by at least half are taken away, then as "empty".
    first : int
        Id of the first object that is added; the others follow.
    within : (H, W) bool, optional
        The searched region; the whole plane by default.

    Returns
    -------
    Merged

    Raises
    ------
    ParameterError
    """
    checks.one_of(rule, RULES, "rule")
    first = checks.whole(first, "first", 1)
    found = _numbered(found)
    before = checks.labels(before, "before", error=ParameterError)
    checks.ids_fit(before, "before", ParameterError)
    if within is not None:
        within = checks.mask(within, before.shape, "within", ParameterError)
    if found.shape != before.shape:
        raise ParameterError(f"Found objects are {found.shape}, the labels {before.shape}.")
    after = np.array(before, np.int64, order="C")
    removed = _clear(after, within) if rule == "replace" else 0
    # Most of a plane is empty: only pixels of objects are looked at.
    places = np.flatnonzero(found > 0)
    numbers = found.ravel()[places].astype(np.intp)
    free = after.ravel()[places] <= 0
    count = int(numbers.max(initial=0))
    area = np.bincount(numbers, minlength=count + 1)
    taken = np.bincount(numbers[~free], minlength=count + 1)
    fits = taken == 0 if rule == "whole" else taken <= TAKEN * area
    fits &= area > 0
    added = int(fits.sum())
    lookup = np.zeros(count + 1, dtype=np.int64)
    lookup[fits] = first + np.arange(added)
    free &= fits[numbers]
    after.ravel()[places[free]] = lookup[numbers[free]]
    there = int((area[1:] > 0).sum())
    return Merged(after, tuple(range(first, first + added)), there - added, removed, lookup)


def _clear(labels: npt.NDArray[np.int64], within: Mask | None) -> int:
    """Take away, in place, the objects of which at least half lies in the region; count them."""
    ids, place = np.unique(labels, return_inverse=True)
    place = place.reshape(labels.shape)
    area = np.bincount(place.ravel(), minlength=len(ids))
    inside = area if within is None else np.bincount(place[within], minlength=len(ids))
    gone = (2 * inside >= area) & (ids != 0)
    labels[gone[place]] = 0
    return int(gone.sum())


def restrict(found: Labels, within: Mask) -> npt.NDArray[np.int64]:
    """Keep, whole, the objects of which more than half lies in a region.

    Parameters
    ----------
    found : (H, W) integer array
        Objects 1..n, 0 background.
    within : (H, W) bool

    Returns
    -------
    (n + 1,) int64
        The new id of every object, 0 for those left out; ``result[found]`` are the labels.

    Raises
    ------
    ParameterError
    """
    found = _numbered(found)
    within = checks.mask(within, found.shape, "within", ParameterError)
    count = int(found.max(initial=0))
    area = np.bincount(found.ravel(), minlength=count + 1)
    inside = np.bincount(found[within].ravel(), minlength=count + 1)
    kept = 2 * inside > area
    kept[0] = False
    lookup = np.zeros(count + 1, dtype=np.int64)
    lookup[kept] = np.arange(1, int(kept.sum()) + 1)
    return lookup


def _numbered(found: Labels) -> Labels:
    """Refuse labels that are not numbered 1..n: a list as long as the largest is made of them."""
    found = checks.labels(found, "found", error=ParameterError)
    if found.size and not 0 <= int(found.min()) <= int(found.max()) <= found.size:
        raise ParameterError(
            f"Found objects must be numbered from 1 without gaps, got ids from {found.min()} to "
            f"{found.max()}: number them anew, for example by skimage.segmentation."
            "relabel_sequential."
        )
    return found
