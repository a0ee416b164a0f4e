"""An outline that the model proposed, changed by hand before it is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_sam.regions import Region, box_of
from napari_sam.segmentation import Candidates
from napari_sam.ui.state import Answer


def painted(answer: Answer, at: int, choice: int, region: Region) -> Answer:
    """Return an answer in which one object has another outline.

    Parameters
    ----------
    answer : Answer
    at : int
        Which of its objects.
    choice : int
        Which of its candidates is replaced; the others can be chosen as before.
    region : Region
        On the plane of the answer.
    """
    found = answer.found[at]
    regions = list(found.regions)
    regions[min(choice, len(regions) - 1)] = region
    top, left, bottom, right = box_of(regions) or (0, 0, 1, 1)
    masks = [one.on((bottom - top, right - left), top, left) for one in regions]
    new = Candidates(
        np.stack(masks),
        *(found.scores, found.logits, found.window),
        corner=(top, left),
        shape=found.shape,
    )
    every = tuple(new if i == at else one for i, one in enumerate(answer.found))
    return replace(answer, found=every, painted=answer.painted | {at})
