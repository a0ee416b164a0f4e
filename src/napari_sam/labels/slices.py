"""Objects on the slices of labels along any axis: where they are, and other ids for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import LabelsError
from napari_sam.labels.ids import among
from napari_sam.labels.runs import Runs

Where = Iterable[int] | None
"""Positions along the axis that may hold the objects concerned; None for all."""


def seen_on(
    labels: Any, axis: int, ids: Iterable[int], where: Where = None
) -> dict[int, list[int]]:
    """List the slices or frames on which objects are.

    Raises
    ------
    LabelsError
        When one of them is nowhere.

    Examples
    --------
    >>> seen_on(np.array([[[1, 0]], [[1, 2]]]), 0, [1, 2])
    {1: [0, 1], 2: [1]}
    """
    wanted = checks.ids(ids)
    seen: dict[int, list[int]] = {i: [] for i in wanted}
    for at in positions(labels, axis, where):
        part = slice_at(labels, axis, at)
        for i in wanted:
            if (part == i).any():
                seen[i].append(at)
    missing = [i for i in wanted if not seen[i] or i == 0]
    if missing:
        raise LabelsError(f"There is no cell {missing[0]} in these labels.")
    return seen


def renumber(labels: Any, axis: int, numbers: Mapping[int, int], where: Iterable[int]) -> Runs:
    """Give objects other ids on some slices.

    Parameters
    ----------
    numbers : mapping of int to int
        From ids to ids; 0 removes.
    where : iterable of int
        Positions along the axis.
    """
    shape = tuple(int(n) for n in labels.shape)
    parts = []
    for at in where:
        part = slice_at(labels, axis, at)
        places = np.nonzero(among(part, numbers))
        before = part[places].astype(np.int64)
        after = before.copy()
        for old, new in numbers.items():
            after[before == old] = new
        full = [*places[:axis], np.full(len(before), at), *places[axis:]]
        parts.append(Runs.at(shape, full, before, after))
    return Runs.joined(parts) if parts else Runs.none(shape)


def positions(labels: Any, axis: int, where: Where) -> Iterable[int]:
    """Return the positions along an axis that are to be looked at."""
    return range(int(labels.shape[axis])) if where is None else where


def slice_at(labels: Any, axis: int, at: int) -> npt.NDArray[np.integer[Any]]:
    """Read one slice along an axis; it has one axis less."""
    return np.asarray(labels[(slice(None),) * axis + (at,)])
