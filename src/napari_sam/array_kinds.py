"""Which values are arrays that can be looked at where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_array(value: Any) -> bool:
    """Tell whether a value can be read as an array where it is looked at, as it is.

    That is one whose shape and type NumPy understands, of NumPy, dask or zarr. Of others, such as
    tensors, `napari_sam.checks.array` makes one; so it does of masked arrays, to refuse them.

    Parameters
    ----------
    value : object

    Examples
    --------
    >>> is_array(np.zeros((2, 3))), is_array([[0, 1]])
    (True, False)
    """
    if not hasattr(value, "shape") or np.ma.isMaskedArray(value):
        return False
    try:
        np.dtype(value.dtype)
    except (AttributeError, TypeError):
        return False
    return True
