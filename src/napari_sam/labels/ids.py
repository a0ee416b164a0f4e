"""Ids of objects, read from labels of any type of whole numbers.

Inside the package an id is a signed 64-bit number. Labels of ``uint64`` can hold larger ones; they
are refused where they are read, because wrapped round they would mean other objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks

Ids = npt.NDArray[np.int64]
Labels = npt.NDArray[np.integer[Any]]

_FEW = 4  # objects that are looked for one by one


def highest_id(labels: Labels) -> int:
    """Return the highest id, 0 when there is none.

    Raises
    ------
    LabelsError
        When it is too large to be told apart from others.

    Examples
    --------
    >>> highest_id(np.array([[0, 3], [-1, 0]])), highest_id(np.empty((0, 4), int))
    (3, 0)
    """
    checks.ids_fit(labels, "The labels")
    return max(int(labels.max()), 0) if labels.size else 0


def count_ids(labels: Labels) -> tuple[Ids, Ids]:
    """Count the pixels of every object.

    Returns
    -------
    ids, counts : (N,) int64
        Ascending, without the background.

    Raises
    ------
    LabelsError
        When ids are too large.
    """
    checks.ids_fit(labels, "The labels")
    values = labels[labels != 0]
    if not values.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if int(values.min()) > 0 and int(values.max()) < 4 * values.size + 65_536:
        counts = np.bincount(values.astype(np.intp, copy=False))
        ids = np.flatnonzero(counts)
        return ids.astype(np.int64), counts[ids].astype(np.int64)
    ids, counts = np.unique(values, return_counts=True)
    return ids.astype(np.int64), counts.astype(np.int64)


def count_some(labels: Labels, ids: Iterable[int]) -> dict[int, int]:
    """Count the pixels of some objects, of which there are few or many.

    Raises
    ------
    LabelsError
        When the labels have ids that are too large.

    Examples
    --------
    >>> count_some(np.array([[0, 7], [3, 7]]), [7, 8])
    {7: 2, 8: 0}
    """
    wanted = dict.fromkeys((int(i) for i in ids), 0)
    if len(wanted) <= _FEW:
        checks.ids_fit(labels, "The labels")
        return {i: int(np.count_nonzero(labels == i)) for i in wanted}
    found, counts = count_ids(labels[among(labels, wanted)])
    return wanted | dict(zip(found.tolist(), counts.tolist(), strict=True))


def ids_of(labels: Labels) -> Ids:
    """List the ids of a plane in order, without the background.

    Raises
    ------
    LabelsError
        When ids are too large.

    Examples
    --------
    >>> ids_of(np.array([[0, 7], [3, 7]])).tolist()
    [3, 7]
    """
    top = highest_id(labels)
    if labels.size and int(labels.min()) >= 0 and top < 4 * labels.size + 1024:
        ids = np.flatnonzero(np.bincount(labels.ravel()))  # ten times as fast as sorting
    else:
        ids = np.unique(labels)
    return np.asarray(ids[ids != 0], dtype=np.int64)


def among(labels: Labels, ids: Iterable[int]) -> npt.NDArray[np.bool_]:
    """Tell which pixels belong to some objects, of which there are few or many.

    Raises
    ------
    LabelsError
        When the labels have ids that are too large.

    Examples
    --------
    >>> among(np.array([[0, 5], [3, 5]]), [5]).tolist()
    [[False, True], [False, True]]
    """
    checks.ids_fit(labels, "The labels")
    held = np.iinfo(labels.dtype)
    # What the type does not hold is nowhere; the rest is compared in the type itself, exactly.
    asked = {int(i) for i in ids}
    wanted = np.array(sorted(i for i in asked if held.min <= i <= held.max), labels.dtype)
    if len(wanted) <= _FEW:
        found = np.zeros(labels.shape, bool)
        for object_id in wanted:
            found |= labels == object_id
        return found
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    wanted = wanted[(wanted >= low) & (wanted <= high)]
    if low < 0 or high > max(labels.size, 2**16):
        return np.isin(labels, wanted)
    lookup = np.zeros(high + 1, bool)
    lookup[wanted] = True
    return np.asarray(lookup[labels])
