"""Labels on disk in compressed squares, read and written like an array: memory holds a square."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError
from napari_sam.files.lazy import Lazy, spread

__all__ = ["StoredLabels"]

_SIDE = 1024  # pixels of a square
_LEVEL = 1  # of compression: labels are mostly the same number again and again
_Shared = tuple[int, slice, slice]


class StoredLabels(Lazy):
    """Labels of which each square is a file of its own; where there is none are no objects.

    A square appears whole or not at all, so that a process killed while it writes damages
    nothing.

    Parameters
    ----------
    folder : Path
        Made when the first object is written.
    shape : tuple of int
        Rows and columns last.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     labels = StoredLabels(Path(folder), (3000, 2000))
    ...     labels[1000:1030, 5:8] = 7
    ...     found = labels[1020:1100, 4:6]
    >>> found.shape, int(found.sum())
    ((80, 2), 70)
    """

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        self._folder = folder
        self.shape = tuple(shape)
        self.dtype = np.dtype(np.int32)

    def __setitem__(self, key: Any, value: Any) -> None:
        *leading, rows, columns = self._ranges(key)
        lengths = [
            len(wanted)
            for wanted, given in zip((*leading, rows, columns), spread(key, self.ndim), strict=True)
            if isinstance(given, slice)
        ]
        full = [len(wanted) for wanted in (*leading, rows, columns)]
        values = np.broadcast_to(np.asarray(value, self.dtype), lengths).reshape(full)
        for place, (i, down, own_rows), (j, along, own_columns) in self._squares(
            leading, rows, columns
        ):
            chosen: tuple[int | slice, ...] = (*(at for at, _ in place), down, along)
            part = values[chosen]
            name = self._name([position for _, position in place], i, j)
            square = self._load(name, i, j)
            if square is None:
                if not part.any():
                    continue
                square = np.zeros(self._extent(i, j), self.dtype)
            square[own_rows, own_columns] = part
            self._save(name, square)

    def _read(self, ranges: list[range]) -> npt.NDArray[Any]:
        *leading, rows, columns = ranges
        out = np.zeros([len(wanted) for wanted in ranges], self.dtype)
        for place, (i, down, own_rows), (j, along, own_columns) in self._squares(
            leading, rows, columns
        ):
            square = self._load(self._name([position for _, position in place], i, j), i, j)
            if square is not None:
                where: tuple[int | slice, ...] = (*(at for at, _ in place), down, along)
                out[where] = square[own_rows, own_columns]
        return out

    def _ranges(self, key: Any) -> list[range]:
        return [
            range(*part.indices(length)) if isinstance(part, slice) else range(part, part + 1)
            for part, length in zip(spread(key, self.ndim), self.shape, strict=True)
        ]

    def _squares(
        self, leading: list[range], rows: range, columns: range
    ) -> Iterator[tuple[tuple[tuple[int, int], ...], _Shared, _Shared]]:
        for place in product(*(tuple(enumerate(wanted)) for wanted in leading)):
            yield from (
                (place, down, along) for down in _shared(rows) for along in _shared(columns)
            )

    def _extent(self, i: int, j: int) -> tuple[int, int]:
        height, width = self.shape[-2:]
        return min(_SIDE, height - i * _SIDE), min(_SIDE, width - j * _SIDE)

    def _name(self, leading: list[int], i: int, j: int) -> Path:
        return self._folder / ".".join(map(str, (*leading, i, j)))

    def _load(self, name: Path, i: int, j: int) -> npt.NDArray[np.int32] | None:
        try:
            packed = name.read_bytes()
        except FileNotFoundError:
            return None
        try:
            pixels = np.frombuffer(zlib.decompress(packed), "<i4").reshape(self._extent(i, j))
        except (zlib.error, ValueError) as error:
            raise DataError(
                f"{name} is damaged ({error}): remove the folder {self._folder.parent} and begin "
                "anew."
            ) from error
        return pixels.astype(self.dtype)

    def _save(self, name: Path, square: npt.NDArray[np.int32]) -> None:
        if not square.any():
            name.unlink(missing_ok=True)
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = name.with_suffix(f"{name.suffix}-part")
        with temporary.open("wb") as file:
            file.write(zlib.compress(square.astype("<i4").tobytes(), _LEVEL))
            file.flush()
            os.fsync(file.fileno())  # what is said to be done is there after a power cut, too
        os.replace(temporary, name)


def _shared(wanted: range) -> Iterator[_Shared]:
    """Divide positions along an axis among squares.

    Yields
    ------
    (int, slice, slice)
        The number of a square, which of the positions lie in it, and where in it they lie.

    Examples
    --------
    >>> list(_shared(range(1000, 1100, 50)))
    [(0, slice(0, 1, None), slice(1000, 1001, 50)), (1, slice(1, 2, None), slice(26, 27, 50))]
    """
    begun = 0
    while begun < len(wanted):
        number = wanted[begun] // _SIDE
        ended = min(len(wanted), begun + -(-((number + 1) * _SIDE - wanted[begun]) // wanted.step))
        first, last = wanted[begun] - number * _SIDE, wanted[ended - 1] - number * _SIDE
        yield number, slice(begun, ended), slice(first, last + 1, wanted.step)
        begun = ended
