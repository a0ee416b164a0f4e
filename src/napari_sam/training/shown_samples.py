"""Objects that were held back, as they are shown to a person: kept in a file and read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ShownSample", "read_samples", "write_samples"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ShownSample:
    """An object as a person sees it, and what a model found there before and after.

    Parameters
    ----------
    picture : (h, w, 3) uint8
    truth, before, after : (h, w) bool
    """

    picture: npt.NDArray[np.uint8]
    truth: Mask
    before: Mask
    after: Mask


def write_samples(path: Path, samples: Sequence[ShownSample]) -> None:
    """Write them as an ``.npz`` file."""
    arrays = {
        f"{number} {field.name}": getattr(one, field.name)
        for number, one in enumerate(samples)
        for field in fields(ShownSample)
    }
    save: Any = np.savez  # whose stubs take array names for options
    save(path, **arrays)


def read_samples(path: Path) -> list[ShownSample]:
    """Read what `write_samples` wrote."""
    with np.load(path, allow_pickle=False) as file:
        count = len(file.files) // len(fields(ShownSample))
        return [
            ShownSample(
                **{field.name: file[f"{number} {field.name}"] for field in fields(ShownSample)}
            )
            for number in range(count)
        ]
