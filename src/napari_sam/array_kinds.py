"""Which values are arrays that can be looked at where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_lazy(value: Any) -> bool:
    """Tell whether a value is an array that can be read where it is looked at, as it is.

    That is one whose shape and type NumPy understands, of NumPy, dask or zarr. Of others, such as
    tensors, `napari_sam.checks.array` makes one; so it does of masked arrays, to refuse them.

    Parameters
    ----------
    value : object

    Examples
    --------
    >>> is_lazy(np.zeros((2, 3))), is_lazy([[0, 1]])
    (True, False)
    """
    if not hasattr(value, "shape") or np.ma.isMaskedArray(value):
        return False
    try:
        return isinstance(np.dtype(value.dtype), np.dtype)
    except (AttributeError, TypeError):
        return False
