"""Planes of an array, wherever they lie in it, as a stack that is read and written one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.images.plane import Plane


class PlaneStack:
    """Some planes of an array, first axis first: a stack (N, H, W), or (N, M, H, W) of stacks.

    Nothing is copied and nothing is read before it is asked for.

    Parameters
    ----------
    data : array
        NumPy, dask or zarr; one that is written has to allow it.
    planes : sequence of Plane, or of sequences of Plane
        At least one, all of one shape.

    Examples
    --------
    >>> data = np.zeros((4, 2, 5, 6), int)
    >>> second = [Plane((2, 3), (at, 1, None, None), (5, 6)) for at in range(4)]
    >>> stack = PlaneStack(data, second)
    >>> stack.shape
    (4, 5, 6)
    >>> stack[3] = 7
    >>> int(data[3, 1].sum()), int(data.sum())
    (210, 210)
    >>> stack[3, slice(1, 3), slice(4, 6)].tolist()
    [[7, 7], [7, 7]]
    """

    def __init__(self, data: Any, planes: Sequence[Plane] | Sequence[Sequence[Plane]]) -> None:
        self._data = data
        self._planes = [[one] if isinstance(one, Plane) else list(one) for one in planes]
        self._flat = isinstance(planes[0], Plane)
        depth, shape = len(self._planes[0]), self._planes[0][0].shape
        inner = shape if self._flat else (depth, *shape)
        self.shape: tuple[int, ...] = (len(self._planes), *inner)
        self.dtype: np.dtype[Any] = np.dtype(data.dtype)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: int | tuple[int, slice, slice]) -> npt.NDArray[Any]:
        """Read one plane (H, W), with colour (H, W, C), or one stack of them (M, H, W).

        With two slices more, only these rows and columns of one plane.
        """
        if isinstance(at, tuple):
            index, rows, columns = at
            (plane,) = self._planes[index]
            return plane.part(self._data, rows, columns)
        wanted = self._planes[at]
        if self._flat:
            return wanted[0].take(self._data)
        return np.stack([plane.take(self._data) for plane in wanted])

    def __setitem__(self, at: int, pixels: Any) -> None:
        values = np.broadcast_to(pixels, self.shape[1:])
        for plane, part in zip(
            self._planes[at], values[None] if self._flat else values, strict=True
        ):
            self._data[plane.slices] = part.T if plane.transposed else part
