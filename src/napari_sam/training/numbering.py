"""Numbers for marked objects: one for each, on however many planes it is seen.

An object that is compared on must not have been shown: neither on the next slice or frame, where
it looks much the same, nor in the same image given twice.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from scipy import ndimage as ndi

from napari_sam import images

__all__ = ["Numbers"]

_Box = tuple[int, int, int, int]


class Numbers:
    """Remembers the objects of the planes that it was given.

    Examples
    --------
    >>> numbers, plane = Numbers(), np.zeros((2, 4), int)
    >>> here, there = np.array([[0, 5, 5, 0]]), np.array([[5, 5, 0, 7]])
    >>> numbers.of(0, plane, here).tolist(), numbers.of(0, plane + 1, there).tolist()
    ([[0, 1, 1, 0]], [[1, 1, 0, 2]])
    >>> numbers.of(1, plane + 2, there).tolist()
    [[3, 3, 0, 4]]
    """

    def __init__(self) -> None:
        self._count = 0
        self._boxes: dict[tuple[int, int], list[tuple[_Box, int]]] = defaultdict(list)
        self._planes: dict[str, list[tuple[int, np.ndarray]]] = defaultdict(list)

    def of(self, example: int, pixels: np.ndarray, marked: np.ndarray) -> np.ndarray:
        """Number the objects of a plane.

        Parameters
        ----------
        example : int
            Which image the plane is of: where an id is on several of its planes, at about the
            same place, it is the same object.
        pixels : ndarray
            (H, W) or (H, W, C). Where the same ones came with another example, objects that lie
            on each other are the same.
        marked : ndarray of int
            (H, W), ids; 0 is none.

        Returns
        -------
        ndarray of int
            (H, W), numbers.
        """
        ids, flat = np.unique(marked, return_inverse=True)
        compact = flat.reshape(marked.shape) + int(ids[0] != 0)
        ids = ids[ids != 0]
        key = images.content_hash(pixels)
        same = self._lying_on(key, example, compact, len(ids))
        numbers = np.zeros(len(ids) + 1, np.int64)
        for at, (one, box) in enumerate(zip(ids, ndi.find_objects(compact), strict=True), 1):
            rows, columns = box
            place = rows.start, columns.start, rows.stop, columns.stop
            known = self._boxes[example, int(one)]
            numbers[at] = same.get(at, 0) or next((n for b, n in known if _meet(b, place)), 0)
            if not numbers[at] or numbers[at] in numbers[:at]:
                self._count += 1
                numbers[at] = self._count
            known.append((place, int(numbers[at])))
        found = numbers[compact]
        self._planes[key].append((example, found))
        return found

    def _lying_on(self, key: str, example: int, compact: np.ndarray, count: int) -> dict[int, int]:
        """Return the numbers of objects that lie on one of another example with these pixels."""
        found: dict[int, int] = {}
        for other, numbers in self._planes[key]:
            if other == example or numbers.shape != compact.shape:
                continue
            both = (compact > 0) & (numbers > 0)
            pairs, sizes = np.unique(
                np.stack([compact[both], numbers[both]]), axis=1, return_counts=True
            )
            for at in np.argsort(sizes):  # the largest come last
                found[int(pairs[0, at])] = int(pairs[1, at])
            if len(found) == count:
                break
        return found


def _meet(one: _Box, other: Any) -> bool:
    """Whether two boxes share a pixel."""
    return all(one[n] < other[n + 2] and other[n] < one[n + 2] for n in (0, 1))
