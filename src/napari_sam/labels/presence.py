"""How many pixels every object has on every plane, known without reading the labels again.

Ids that are free, and whether an object goes on on other slices, are asked at every edit. Labels
of some millions of pixels are simply read for that; larger ones are counted once, plane by plane,
beside the window, and what is written is added up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.images import Plane
from napari_sam.labels.ids import Ids, count_ids, count_some, highest_id
from napari_sam.labels.levels import pieces
from napari_sam.labels.runs import Runs

Labels = npt.NDArray[np.integer[Any]]

_AT_ONCE = 2**24  # pixels that are read at once
SMALL = 2**23  # pixels that are read at once without anybody noticing, about 10 ms


class Presence:
    """The objects of every plane of the last two axes.

    What is written must be announced, see `writing`. Planes may be counted in another thread.

    Parameters
    ----------
    pixels : callable
        Returns the labels as they are now: NumPy, zarr or alike, at least two axes.
    empty : bool
        Whether they are known to hold nothing yet, and need not be read for it.
    """

    def __init__(self, pixels: Callable[[], Any], empty: bool = False) -> None:
        self._pixels = pixels
        self._lock = threading.Lock()
        self._shape = tuple(pixels().shape)
        self._known: dict[int, tuple[Ids, Ids]] = {}
        self._version: dict[int, int] = {}
        self._writers: dict[int, int] = {}  # changes that are being written
        self._top: dict[int, int] = {}  # at least the highest id of a plane
        self.small = isinstance(pixels(), np.ndarray) and int(np.prod(self._shape)) <= SMALL
        if empty:
            nothing = (np.empty(0, np.int64), np.empty(0, np.int64))
            self._known = dict.fromkeys(range(self._planes), nothing)

    @property
    def _planes(self) -> int:
        return int(np.prod(self._shape[:-2]))

    def _place(self, number: int) -> tuple[int, ...]:
        """Where a plane lies along the leading axes."""
        return tuple(int(i) for i in np.unravel_index(number, self._shape[:-2]))

    def _number(self, plane: Plane) -> int | None:
        """Which plane of the last two axes a plane is; None when it runs along other axes."""
        if sorted(plane.axes) != [plane.ndim - 2, plane.ndim - 1]:
            return None
        at = tuple(int(i) for i in plane.index if i is not None)
        return int(np.ravel_multi_index(at, self._shape[:-2])) if at else 0

    def _pieces(self, number: int) -> Iterator[npt.NDArray[np.integer[Any]]]:
        """Read a plane piece by piece: a large one would not fit into memory."""
        at = self._place(number)
        for where in pieces(self._shape[-2:], _AT_ONCE):
            yield np.asarray(self._pixels()[(*at, *where)])

    def _unknown(self) -> list[int]:
        with self._lock:
            return [k for k in range(self._planes) if k not in self._known]

    @property
    def complete(self) -> bool:
        """Whether nothing needs to be counted any more."""
        return self.small or not self._unknown()

    def seek_next(self) -> bool:
        """Find the highest id of one more plane; False when none is left. May run in a thread.

        In memory this is ten times as fast as counting, and all that a new object has to wait
        for. On disk reading takes the time, which is done once.
        """
        if self.small or not isinstance(self._pixels(), np.ndarray):
            return False
        left = next((number for number in self._unknown() if number not in self._top), None)
        if left is None:
            return False
        self._seek(left)
        return True

    def _seek(self, number: int) -> int:
        with self._lock:
            version = self._version.get(number, 0)
        top = max(map(highest_id, self._pieces(number)), default=0)
        with self._lock:
            # Else somebody has written meanwhile, perhaps a higher one.
            if self._unwritten(number, version):
                self._top[number] = top
        return top

    def count_next(self) -> bool:
        """Count one more plane; False when there was none left. May run in another thread."""
        left = [] if self.small else self._unknown()
        if not left:
            return False
        self._count(left[0])
        return True

    def _count(self, number: int) -> tuple[Ids, Ids]:
        with self._lock:
            version = self._version.get(number, 0)
        counted = _added([count_ids(piece) for piece in self._pieces(number)])
        with self._lock:
            # Else somebody has written meanwhile: it is counted once more, later.
            if self._unwritten(number, version):
                self._known[number] = counted
        return counted

    def _unwritten(self, number: int, version: int) -> bool:
        """Tell whether nobody has written a plane since, or does it just now."""
        return self._version.get(number, 0) == version and not self._writers.get(number)

    @contextmanager
    def writing(self, runs: Runs) -> Iterator[None]:
        """Announce that a change is being written; when that fails, nothing has changed."""
        begun = self.begin(runs)
        written = False
        try:
            yield
            written = True
        finally:
            self.end(runs, begun, written)

    def begin(self, runs: Runs) -> set[int]:
        """Say that a change is about to be written; returns what `end` needs to know."""
        if self.small:
            return set()
        numbers = {block.number for block in runs.blocks()}
        with self._lock:
            for number in numbers:
                self._version[number] = self._version.get(number, 0) + 1
                self._writers[number] = self._writers.get(number, 0) + 1
            return numbers & self._known.keys()

    def end(self, runs: Runs, begun: set[int], written: bool = True) -> None:
        """Say that a change has been written, or could not be."""
        if self.small:
            return
        with self._lock:
            for block in runs.blocks():
                number, length = block.number, runs.length[block.part]
                self._version[number] = self._version.get(number, 0) + 1
                self._writers[number] = self._writers.get(number, 0) - 1
                if number in self._top:
                    self._top[number] = max(self._top[number], int(runs.after[block.part].max()))
                if written and number in begun & self._known.keys():
                    old, new = runs.before[block.part], runs.after[block.part]
                    self._known[number] = _moved(self._known[number], old, new, length)

    def forget(self, plane: Plane) -> None:
        """Count a plane again: it was written without saying what changed."""
        one = self._number(plane)
        with self._lock:
            for number in range(self._planes) if one is None else (one,):
                self._known.pop(number, None)
                self._top.pop(number, None)
                self._version[number] = self._version.get(number, 0) + 2

    # -- questions ---------------------------------------------------------------------------

    def highest(self, plane: Plane | None = None, part: Labels | None = None) -> int:
        """Return the highest id, 0 when there is none; large labels may have had a higher one.

        Parameters
        ----------
        plane : Plane, optional
            It is looked at, in case that somebody wrote there without a word.
        part : integer array, optional
            What the plane holds where it is going to be written: all that is looked at then.
        """
        pixels = self._pixels()
        if self.small:
            return highest_id(pixels)
        if part is None and plane is not None:
            part = plane.take(pixels)
        here = 0 if part is None else highest_id(part)
        return max(here, *(self._highest_on(number) for number in range(self._planes)), 0)

    def _highest_on(self, number: int) -> int:
        known = self._known.get(number)
        if known is not None:
            return max(int(known[0][-1]), 0) if len(known[0]) else 0
        top = self._top.get(number)
        return self._seek(number) if top is None else top

    def count(self, ids: Iterable[int]) -> dict[int, int]:
        """Count the pixels of some objects over all planes that are known.

        Small labels, and those that are `complete`, are known altogether.
        """
        wanted = [int(i) for i in ids]
        if self.small:
            return count_some(self._pixels(), wanted)
        with self._lock:
            known = list(self._known.values())
        return _sum(known, wanted)

    def on(self, plane: Plane) -> Ids | None:
        """List the objects of a plane of large labels; None while it is not counted."""
        number = None if self.small else self._number(plane)
        if number is None:
            return None
        with self._lock:
            known = self._known.get(number)
        return None if known is None else known[0][known[1] > 0]

    def elsewhere(self, ids: Iterable[int], plane: Plane) -> set[int]:
        """Tell which objects have pixels off a plane.

        While large labels are still being counted, the planes that are known and those next to
        this one answer: objects hang together.
        """
        wanted = [int(i) for i in ids]
        if not wanted or plane.ndim == 2:
            return set()
        here = None if self.small else self._number(plane)
        if here is not None:
            for number in [n for n in self._beside(self._place(here)) if n not in self._known]:
                self._count(number)
            with self._lock:
                known = [counted for k, counted in self._known.items() if k != here]
            return {i for i, n in _sum(known, wanted).items() if n}
        while self.count_next():
            pass
        on_plane = count_some(plane.take(self._pixels()), wanted)
        return {i for i, n in self.count(wanted).items() if n > on_plane[i]}

    def _beside(self, at: tuple[int, ...]) -> Iterator[int]:
        for axis, place in enumerate(at):
            for next_to in (place - 1, place + 1):
                if 0 <= next_to < self._shape[axis]:
                    moved = (*at[:axis], next_to, *at[axis + 1 :])
                    yield int(np.ravel_multi_index(moved, self._shape[:-2]))

    def along(self, axis: int, ids: Iterable[int]) -> list[int] | None:
        """List the positions along an axis at which some objects may be; None for all.

        Parameters
        ----------
        axis : int
            One before the last two: of others, and of small labels, nothing is known.
        ids : iterable of int
        """
        if self.small or axis >= len(self._shape) - 2:
            return None
        wanted = np.unique(np.fromiter((int(i) for i in ids), np.int64))
        with self._lock:
            known = dict(self._known)
        at = np.unravel_index(np.arange(self._planes), self._shape[:-2])[axis]
        return sorted(
            {
                int(at[number])
                for number in range(self._planes)
                if number not in known or np.isin(wanted, known[number][0]).any()
            }
        )


def _added(counted: list[tuple[Ids, Ids]]) -> tuple[Ids, Ids]:
    """Add up the pixels of objects that were counted in parts."""
    if len(counted) == 1:
        return counted[0]
    ids, place = np.unique(np.concatenate([found for found, _ in counted]), return_inverse=True)
    counts = np.concatenate([count for _, count in counted])
    return ids, np.bincount(place.ravel(), counts, len(ids)).astype(np.int64)


def _sum(counted: list[tuple[Ids, Ids]], ids: Iterable[int]) -> dict[int, int]:
    """Add up how many pixels some objects have."""
    wanted = np.unique(np.fromiter(ids, np.int64))
    total = np.zeros(len(wanted), np.int64)
    for found, counts in counted:
        if len(found):
            at = np.minimum(np.searchsorted(found, wanted), len(found) - 1)
            total += np.where(found[at] == wanted, counts[at], 0)
    return {int(i): int(n) for i, n in zip(wanted, total, strict=True)}


def _moved(known: tuple[Ids, Ids], before: Ids, after: Ids, length: Ids) -> tuple[Ids, Ids]:
    """Add up what a change does to the counts of a plane."""
    ids = np.concatenate([known[0], before, after])
    counts = np.concatenate([known[1], -length, length])
    unique, place = np.unique(ids, return_inverse=True)
    total = np.bincount(place.ravel(), counts, len(unique)).astype(np.int64)
    held = (unique != 0) & (total > 0)
    return unique[held], total[held]
