"""Strips of TIFF files that were unpacked last, for the windows beside the one they were for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy.typing as npt

__all__ = ["Unpacked"]

_MOST = 1 << 28  # bytes that are kept


class Unpacked:
    """Keeps what was unpacked last; may be asked from several threads.

    Parameters
    ----------
    most : int
        Bytes that it may take.

    Examples
    --------
    >>> import numpy as np
    >>> unpacked = Unpacked(most=100)
    >>> for name in "aba":
    ...     part = unpacked.take(name, lambda: print("unpacking", name) or np.zeros(60, np.uint8))
    unpacking a
    unpacking b
    unpacking a
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most, self._taken = most, 0
        self._parts: OrderedDict[Hashable, npt.NDArray[Any] | None] = OrderedDict()
        self._lock = threading.Lock()

    def take(
        self, name: Hashable, unpack: Callable[[], npt.NDArray[Any] | None]
    ) -> npt.NDArray[Any] | None:
        """Return a part, unpacking it when it is not kept; nobody may write into it."""
        with self._lock:
            if name in self._parts:
                self._parts.move_to_end(name)
                return self._parts[name]
        part = unpack()
        with self._lock:
            if name not in self._parts:
                self._parts[name] = part
                self._taken += _size(part)
            while self._taken > self._most:
                self._taken -= _size(self._parts.popitem(last=False)[1])
        return part


def _size(part: npt.NDArray[Any] | None) -> int:
    return 0 if part is None else int(part.nbytes)
