"""Run lengths of masks, as COCO writes them: plain and compressed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def encode_runs(mask: npt.NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of a mask read column by column, starting with the zeros."""
    flat = np.concatenate([[False], mask.ravel(order="F")])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    runs: list[int] = np.diff(np.concatenate([[0], changes, [mask.size]])).tolist()
    return runs


def compressed(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Encode a mask as COCO's compressed run lengths, as ``pycocotools`` writes them.

    Each length, from the fourth on as difference to the one before the last, is written in
    groups of five bits, lowest first, as printable characters.
    """
    counts = encode_runs(mask)
    text = bytearray()
    for number, count in enumerate(counts):
        value = count - counts[number - 2] if number > 2 else count
        more = True
        while more:
            group = value & 0x1F
            value >>= 5
            more = value != (-1 if group & 0x10 else 0)
            text.append(48 + (group | 0x20 if more else group))
    return {"size": [int(n) for n in mask.shape], "counts": text.decode("ascii")}
