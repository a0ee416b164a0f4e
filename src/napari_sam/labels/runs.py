"""Which pixels of labels change, from what and to what: runs along the last axis.

Objects are made of runs, so a cell of a thousand pixels takes some forty of them, whatever array
it lies in, and a change of a whole stack costs as much as its outlines.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sam.errors import HalfWrittenError, LabelsError
from napari_sam.labels.steps import Steps, done_at_once

Ids = npt.NDArray[np.int64]

_AT_ONCE = 1 << 24  # pixels of a window that is read to write some of them
_TILE = 512  # pixels of the side of a square, of which there are several where it would be larger


class PlaneRuns(NamedTuple):
    """The runs of one plane of the last two axes, or some of them.

    ``number`` counts the planes of the array, ``where`` selects the smallest window that holds
    the runs, ``rows`` and ``columns`` (N,) are the pixels within it, ``part`` selects the runs.
    """

    number: int
    where: tuple[int | slice, ...]
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    part: slice | npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Runs:
    """Pixels that change, as runs of neighbours that change alike.

    Parameters
    ----------
    shape : tuple of int
        Shape of the whole array, at least two axes.
    start : (N,) int64
        Flat (C order) index of the first pixel of every run, ascending.
    length : (N,) int64
        Pixels of every run; no run goes on in the next row.
    before, after : (N,) int64
        Ids; they differ in every run. Those of ``uint64`` beyond 2**63 - 1 are kept as the
        negative numbers of the same bits.
    """

    shape: tuple[int, ...]
    start: Ids
    length: Ids
    before: Ids
    after: Ids

    @classmethod
    def none(cls, shape: Sequence[int]) -> Runs:
        """Make a change of no pixel."""
        empty = np.empty(0, np.int64)
        return cls(tuple(shape), empty, empty, empty, empty)

    @classmethod
    def at(cls, shape: Sequence[int], indices: Sequence[Any], before: Any, after: Any) -> Runs:
        """Describe single pixels.

        Parameters
        ----------
        indices : sequence of (N,) int arrays
            One per axis, in any order, no pixel twice.
        before, after : (N,) int arrays or int
            Where they are equal, nothing changes.

        Examples
        --------
        >>> runs = Runs.at((2, 5), ([1, 1, 0], [2, 3, 0]), 0, [7, 7, 8])
        >>> runs.start.tolist(), runs.length.tolist(), runs.after.tolist()
        ([0, 7], [1, 2], [8, 7])
        """
        shape = tuple(shape)
        flat = np.ravel_multi_index(
            tuple(np.asarray(axis, dtype=np.intp).ravel() for axis in indices), shape
        )
        return cls.of_flat(shape, flat, before, after)

    @classmethod
    def of_flat(cls, shape: Sequence[int], flat: Any, before: Any, after: Any) -> Runs:
        """Describe single pixels by their flat (C order) indices, as `at`."""
        flat = np.asarray(flat, dtype=np.int64)
        old, new = (
            np.broadcast_to(np.asarray(values).astype(np.int64), flat.shape)
            for values in (before, after)
        )
        changed = np.flatnonzero(old != new)
        order = changed[np.argsort(flat[changed], kind="stable")]
        return cls._of(tuple(shape), flat[order], old[order], new[order])

    @classmethod
    def between(cls, shape: Sequence[int], corner: Sequence[int], before: Any, after: Any) -> Runs:
        """Describe how two contents of a block of the array differ.

        Parameters
        ----------
        corner : sequence of int
            Index of the block's first pixel.
        before, after : integer arrays
            Of as many axes as the array; axes of one pixel for a plane of a stack.
        """
        shape = tuple(shape)
        before, after = np.asarray(before), np.asarray(after)
        if len(corner) != len(shape) or before.shape != after.shape or before.ndim != len(shape):
            raise LabelsError(
                f"A block {before.shape} at {tuple(corner)} has no place in labels {shape}."
            )
        places = np.nonzero(before != after)
        flat = np.ravel_multi_index(
            tuple(axis + first for axis, first in zip(places, corner, strict=True)), shape
        )
        old, new = before[places].astype(np.int64), after[places].astype(np.int64)
        return cls._of(shape, flat.astype(np.int64), old, new)

    @classmethod
    def _of(cls, shape: tuple[int, ...], flat: Ids, before: Ids, after: Ids) -> Runs:
        """Join sorted pixels to runs."""
        if len(flat) == 0:
            return cls.none(shape)
        breaks = np.diff(flat) != 1
        breaks |= flat[1:] % shape[-1] == 0
        breaks |= (np.diff(before) != 0) | (np.diff(after) != 0)
        first = np.flatnonzero(np.concatenate(([True], breaks)))
        length = np.diff(np.append(first, len(flat)))
        return cls(shape, flat[first], length.astype(np.int64), before[first], after[first])

    @classmethod
    def joined(cls, parts: Sequence[Runs]) -> Runs:
        """Join changes of the same array that share no pixel."""
        if len(parts) == 1:
            return parts[0]
        start = np.concatenate([part.start for part in parts])
        order = np.argsort(start, kind="stable")
        length, before, after = (
            np.concatenate([getattr(part, name) for part in parts])[order]
            for name in ("length", "before", "after")
        )
        return cls(parts[0].shape, start[order], length, before, after)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def size(self) -> int:
        """How many pixels change."""
        return int(self.length.sum())

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """All objects that lose or gain pixels, background left out."""
        found = np.unique(np.concatenate([self.before, self.after]))
        return tuple(int(i) for i in found if i != 0)

    @property
    def far_apart(self) -> bool:
        """Whether they lie in several `windows`."""
        first = next(self.windows(), None)
        return first is not None and len(self.start[first.part]) < len(self)

    @property
    def reversed(self) -> Runs:
        """The change that takes this one back."""
        return Runs(self.shape, self.start, self.length, self.after, self.before)

    def flat(self) -> Ids:
        """List the flat index of every pixel, (size,)."""
        first = np.cumsum(self.length) - self.length
        return np.asarray(np.arange(self.size) + np.repeat(self.start - first, self.length))

    def each(self, values: Ids) -> Ids:
        """Repeat a value per run for every pixel of it."""
        return np.repeat(values, self.length)

    def blocks(self) -> Iterator[PlaneRuns]:
        """Go through the planes of the last two axes that hold some of the pixels."""
        for part in self._planes():
            yield self._block(part)

    def windows(self) -> Iterator[PlaneRuns]:
        """Go through windows that hold some of the pixels, none of them large.

        Examples
        --------
        >>> far = Runs.at((30_000, 30_000), ([5, 5, 29_000], [0, 20_000, 7]), 0, 1)
        >>> [block.where for block in far.blocks()]
        [(slice(5, 29001, None), slice(0, 20001, None))]
        >>> [block.where for block in far.windows()]  # doctest: +NORMALIZE_WHITESPACE
        [(slice(5, 6, None), slice(0, 1, None)), (slice(5, 6, None), slice(20000, 20001, None)),
         (slice(29000, 29001, None), slice(7, 8, None))]
        """
        height, width = self.shape[-2:]
        for part in self._planes():
            row, column = self.start[part] // width % height, self.start[part] % width
            right = int((column + self.length[part]).max())
            if (int(row[-1] - row[0]) + 1) * (right - int(column.min())) <= _AT_ONCE:
                yield self._block(part)
                continue
            tile = row // _TILE * (width // _TILE + 1) + column // _TILE
            order = np.argsort(tile, kind="stable")
            edges = np.flatnonzero(np.diff(tile[order])) + 1
            for some in np.split(order, edges):
                yield self._block(part.start + some)

    def _planes(self) -> Iterator[slice]:
        """Tell which runs lie on the same plane."""
        number = self.start // (self.shape[-2] * self.shape[-1])
        edges = np.flatnonzero(np.diff(number, prepend=-1, append=-1))
        for low, high in itertools.pairwise(edges):
            yield slice(int(low), int(high))

    def _block(self, part: slice | npt.NDArray[np.intp]) -> PlaneRuns:
        """Describe some runs of a plane, in their order."""
        height, width = self.shape[-2:]
        start, length = self.start[part], self.length[part]
        at = int(start[0]) // (height * width)
        row, column = start // width - at * height, start % width
        r0, r1 = int(row[0]), int(row[-1]) + 1
        c0, c1 = int(column.min()), int((column + length).max())
        first = np.cumsum(length) - length
        columns = np.arange(int(length.sum())) + np.repeat(column - c0 - first, length)
        leading = (int(i) for i in np.unravel_index(at, self.shape[:-2]))
        where: tuple[int | slice, ...] = (*leading, slice(r0, r1), slice(c0, c1))
        return PlaneRuns(at, where, np.repeat(row - r0, length), columns, part)

    def box(self) -> tuple[tuple[int, int], ...]:
        """Return the first index and the one behind the last along every axis.

        Raises
        ------
        LabelsError
            When no pixel changes.
        """
        if len(self) == 0:
            raise LabelsError("A change of no pixel lies nowhere.")
        places = np.unravel_index(self.start, self.shape)
        ends = (*places[:-1], places[-1] + self.length - 1)
        return tuple(
            (int(first.min()), int(last.max()) + 1)
            for first, last in zip(places, ends, strict=True)
        )


def write(pixels: Any, runs: Runs, *, strictly: bool = True) -> int:
    """Write a change into labels at once, see `writing`."""
    return done_at_once(writing(pixels, runs, strictly=strictly))


def writing(
    pixels: Any, runs: Runs, *, strictly: bool = True, wanted: Callable[[], bool] = lambda: True
) -> Steps[int]:
    """Write a change into labels, window by window: all of it, or nothing.

    Only pixels that still are as the change found them are written.

    Parameters
    ----------
    pixels : array
        NumPy, zarr or anything else that is read and written by integers and slices.
    runs : Runs
        Of an array of this shape.
    strictly : bool
        Whether to refuse the change when pixels are not as it found them; else they are left
        alone.
    wanted : callable
        Whether these labels still are the ones that are meant.

    Returns
    -------
    int
        How many pixels were left alone.

    Raises
    ------
    LabelsError
        When the labels have another shape or cannot be written; they are as before then, and
        when the generator is closed.
    """
    if tuple(pixels.shape) != runs.shape:
        raise LabelsError(f"The labels have shape {tuple(pixels.shape)} now, not {runs.shape}.")
    done: list[tuple[PlaneRuns, npt.NDArray[Any]]] = []
    left_alone = written = 0
    try:
        for block in runs.windows():
            region = np.array(pixels[block.where])
            found = region[block.rows, block.columns]
            old, new = (
                np.repeat(values[block.part], runs.length[block.part]).astype(region.dtype)
                for values in (runs.before, runs.after)
            )
            stands = found == old
            missed = len(stands) - int(np.count_nonzero(stands))
            if missed and strictly:
                raise LabelsError("The labels were changed meanwhile. Nothing was written.")
            left_alone += missed
            region[block.rows, block.columns] = np.where(stands, new, found)
            done.append((block, found))
            pixels[block.where] = region
            written += len(runs.start[block.part])
            yield written / len(runs)
            if not wanted():
                raise LabelsError("The labels hold other data now. Nothing was changed.")
    except GeneratorExit:
        done_at_once(_taking_back(pixels, done))
        raise
    except BaseException:
        yield from _taking_back(pixels, done)
        raise
    return left_alone


def _taking_back(pixels: Any, done: list[tuple[PlaneRuns, npt.NDArray[Any]]]) -> Steps[None]:
    """Put back what had been written; the last block may not have taken anything at all."""
    for number, (block, found) in enumerate(reversed(done)):
        try:
            region = np.array(pixels[block.where])
            region[block.rows, block.columns] = found
            pixels[block.where] = region
        except Exception as error:  # storage of any kind, which has just failed
            if number:
                told = f"Labels cannot be written ({error}), and hold half of a change. Restart."
                raise HalfWrittenError(told) from error
        yield 1 - (number + 1) / len(done)


def stands(pixels: Any, runs: Runs) -> bool:
    """Tell whether all pixels are as a change leaves them."""
    if tuple(pixels.shape) != runs.shape:
        return False
    for block in runs.windows():
        found = np.asarray(pixels[block.where])[block.rows, block.columns]
        wanted = np.repeat(runs.after[block.part], runs.length[block.part])
        if not np.array_equal(found.astype(np.int64), wanted):
            return False
    return True
