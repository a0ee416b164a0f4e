"""Which of several proposed objects a key is meant for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_sam.ui.state import Answer


def in_hand(
    answer: Answer, choices: Sequence[int], cursor: tuple[float, float] | None = None
) -> int:
    """Find the object in hand: the one under the mouse, else the one that was marked last.

    Parameters
    ----------
    answer : Answer
    choices : sequence of int
        Which candidate of each object is shown.
    cursor : (row, column), optional
        On the plane of the answer.

    Returns
    -------
    int
        Place of the object. Of several under the mouse the smallest; an outline counts before
        the box around a mark.
    """
    last = len(answer.found) - 1
    if cursor is None:
        return last
    row, column = (np.array([round(at)]) for at in cursor)
    regions = answer.regions(choices)
    shown = [(one.area, i) for i, one in enumerate(regions) if one.at(row, column).any()]
    under = shown or [
        ((r1 - r0) * (c1 - c0), i)
        for i, prompt in enumerate(answer.prompts)
        for r0, c0, r1, c1 in prompt.boxes
        if r0 <= cursor[0] <= r1 and c0 <= cursor[1] <= c1
    ]
    return min(under)[1] if under else last
