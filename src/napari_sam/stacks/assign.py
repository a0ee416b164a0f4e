"""Who belongs to whom: the pairs that together gain most, each side taken once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def best_pairs(
    rows: npt.NDArray[np.integer[Any]],
    columns: npt.NDArray[np.integer[Any]],
    gains: npt.NDArray[np.floating[Any]],
) -> npt.NDArray[np.intp]:
    """Choose the pairs whose gains add up to most; nobody has to be paired.

    Pairs fall into many small groups that have nothing to do with each other, so every group is
    solved on its own: thousands of objects a frame cost no thousands squared.

    Parameters
    ----------
    rows, columns : (m,) int
        The two sides of each candidate pair, from 0.
    gains : (m,) float
        What choosing it is worth; only positive ones are chosen.

    Returns
    -------
    (k,) int
        Places of the chosen pairs, increasing.

    Examples
    --------
    >>> rows, columns = np.array([0, 0, 1]), np.array([0, 1, 0])
    >>> best_pairs(rows, columns, np.array([5.0, 4.0, 3.0])).tolist()
    [1, 2]
    """
    worth = np.flatnonzero(gains > 0)
    if len(worth) == 0:
        return worth
    left, first = np.unique(rows[worth], return_inverse=True)
    right, second = np.unique(columns[worth], return_inverse=True)
    count = len(left) + len(right)
    graph = coo_array((np.ones(len(worth)), (first, len(left) + second)), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    of_pair = group[first]
    order = np.argsort(of_pair, kind="stable")
    chosen = []
    for members in np.split(order, np.flatnonzero(np.diff(of_pair[order])) + 1):
        chosen.append(
            members if len(members) == 1 else _solve(first, second, gains[worth], members)
        )
    return np.sort(worth[np.concatenate(chosen)])


def _solve(
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    gains: npt.NDArray[Any],
    members: npt.NDArray[np.intp],
) -> npt.NDArray[np.intp]:
    """Solve one group of pairs that share sides."""
    left, i = np.unique(first[members], return_inverse=True)
    right, j = np.unique(second[members], return_inverse=True)
    table = np.zeros((len(left), len(right)))
    place = np.full(table.shape, -1, dtype=np.intp)
    # Where a pair is named twice, the better one counts.
    order = np.argsort(gains[members], kind="stable")
    table[i[order], j[order]] = gains[members][order]
    place[i[order], j[order]] = members[order]
    taken = place[linear_sum_assignment(table, maximize=True)]
    return np.asarray(taken[taken >= 0])
