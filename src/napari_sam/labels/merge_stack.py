"""Objects that were found through a whole stack, put into its labels by the rules for a plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import LabelsError
from napari_sam.labels.merge import RULES, TAKEN, Rule
from napari_sam.labels.runs import Runs
from napari_sam.progress import Progress, silent

Labels = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class MergedStack:
    """What becomes of the labels of a stack.

    Parameters
    ----------
    runs : Runs
        The pixels that change.
    ids : tuple of int
        Ids of the objects that were added.
    left_out : int
        How many found objects were not added.
    removed : tuple of int
        Labelled objects that were taken away.
    numbers : (n + 1,) int64
        The id that each found object was added under, 0 for those left out.
    """

    runs: Runs
    ids: tuple[int, ...]
    left_out: int
    removed: tuple[int, ...]
    numbers: npt.NDArray[np.int64]


def merge_stack(
    found: Any, before: Any, rule: Rule, first: int, progress: Progress = silent
) -> MergedStack:
    """Put objects into the labels of a stack by an explicit rule.

    Parameters
    ----------
    found : (..., H, W) integer array
        Ids from 1, 0 background.
    before : (..., H, W) integer array or None
        What is labelled; nothing when it is None. Not changed.
    rule : {"empty", "whole", "replace"}
        As of `napari_sam.labels.merge.merge`, with all pixels of an object on all planes.
    first : int
        Id of the first object that is added; the others follow.
    progress : callable

    Returns
    -------
    MergedStack

    Raises
    ------
    LabelsError, ParameterError, Cancelled

    Examples
    --------
    >>> found, before = np.zeros((2, 2, 4), int), np.zeros((2, 2, 4), int)
    >>> found[:, 0] = 1
    >>> found[:, 1] = 2
    >>> before[0, 0] = before[1, 0, :2] = 9
    >>> merged = merge_stack(found, before, "empty", 10)
    >>> merged.ids, merged.left_out, merged.numbers.tolist(), merged.runs.size
    ((10,), 1, [0, 0, 10], 8)
    """
    checks.one_of(rule, RULES, "rule")
    first = checks.whole(first, "first", 1)
    shape = tuple(int(n) for n in found.shape)
    if before is not None and tuple(before.shape) != shape:
        raise LabelsError(f"Found objects are {shape}, the labels {tuple(before.shape)}.")
    keeps = None if rule == "replace" else before
    numbers, there = _numbers(found, keeps, rule, first)
    progress(0.5)
    removed: set[int] = set()
    parts = []
    planes = list(np.ndindex(shape[:-2]))
    for done, at in enumerate(planes):
        progress(0.5 + 0.5 * done / len(planes))
        wanted = numbers[np.asarray(found[at])]
        old = np.zeros(wanted.shape, np.int64) if before is None else np.asarray(before[at])
        if rule == "replace":
            removed.update(np.unique(old).tolist())
            after = wanted
        else:
            after = np.where(old == 0, wanted, old)
        corner = (*at, 0, 0)
        box = (None,) * len(at)
        parts.append(Runs.between(shape, corner, old[box], after[box]))
    ids = tuple(int(i) for i in numbers[numbers > 0])
    runs = Runs.joined(parts) if parts else Runs.none(shape)
    return MergedStack(runs, ids, there - len(ids), tuple(sorted(removed - {0})), numbers)


def _numbers(found: Any, before: Any, rule: Rule, first: int) -> tuple[npt.NDArray[np.int64], int]:
    """Tell under which id every found object is added, and how many were found."""
    area, taken = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for plane, old in _planes(found, before):
        here = np.bincount(plane.ravel(), minlength=len(area))
        if len(here) > len(area):
            area, taken = (np.pad(a, (0, len(here) - len(a))) for a in (area, taken))
        area += here
        if old is not None:
            taken += np.bincount(plane[old != 0], minlength=len(area))
    fits = taken == 0 if rule == "whole" else taken <= TAKEN * area
    fits &= area > 0
    fits[0] = False
    numbers = np.zeros(len(area), np.int64)
    numbers[fits] = first + np.arange(int(fits.sum()))
    return numbers, int((area[1:] > 0).sum())


def _planes(found: Any, before: Any) -> Iterator[tuple[Labels, Labels | None]]:
    for at in np.ndindex(tuple(found.shape[:-2])):
        yield np.asarray(found[at]), None if before is None else np.asarray(before[at])
