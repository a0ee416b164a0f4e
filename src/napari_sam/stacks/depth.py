"""How deep inside an object pixels lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.regions import Mask, extent

MOST_DEPTH = 4.0  # pixels beyond which more or less depth tells nothing


def depth_of(mask: Mask) -> npt.NDArray[np.float32]:
    """Return the distance to the border, up to `MOST_DEPTH`: positive inside, negative outside."""
    around = int(MOST_DEPTH) + 1
    rows, columns = extent(mask)
    part = np.pad(mask[rows, columns], around)
    near = ndi.distance_transform_edt(part) - ndi.distance_transform_edt(~part)
    height, width = mask.shape
    found = np.full((height + 2 * around, width + 2 * around), -MOST_DEPTH, np.float32)
    found[rows.start :, columns.start :][: part.shape[0], : part.shape[1]] = np.clip(
        near, -MOST_DEPTH, MOST_DEPTH
    )
    return found[around:-around, around:-around]
