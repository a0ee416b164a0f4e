"""`propagate`: one object, shown on a slice or some, found on all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.models.model import Model
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Prompt
from napari_sam.stacks.carry import Carry, show_all


@dataclass(frozen=True, eq=False)
class Propagation:
    """One object through a stack or movie.

    Parameters
    ----------
    mask : (Z, H, W) bool
    scores : (Z,) float
        Predicted IoU on every slice; 1 where a mask was given, NaN where the object is not.
    """

    mask: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]

    @property
    def slices(self) -> npt.NDArray[np.intp]:
        """The slices with the object on them."""
        return np.flatnonzero(~np.isnan(self.scores))


def propagate(
    stack: Any,
    prompts: Mapping[int, Prompt | npt.ArrayLike],
    model: Model | str | Path = "cells",
    *,
    first: int = 0,
    last: int | None = None,
    others: Any = None,
    rgb: bool | None = None,
    limits: tuple[float, float] | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Propagation:
    """Follow an object through slices or frames, both ways from where it is shown.

    Parameters
    ----------
    stack : (Z, H, W) or (Z, H, W, C) array
        Slices or frames along axis 0. Dask and zarr arrays are read by windows around the
        object, and the prompted slices in full.
    prompts : dict of int to Prompt or (H, W) bool array
        What says where the object is, by slice. Between two such slices it is found from both;
        beyond them it is followed until it ends.
    model : Model, str or Path
        Any promptable model: a loaded one, a name from the zoo, or a checkpoint's path.
    first, last : int
        Slices beyond which the object is not followed.
    others : (Z, H, W) integer array, optional
        Objects that are there already, 0 where none is: no pixel of theirs is taken.
    rgb : bool, optional
        Whether the last axis is colour; guessed from the shape by default.
    limits : (low, high), optional
        Contrast limits; by default percentiles of the first prompted slice.
    device : str
        Where to load a model given by name.
    progress : callable
        Called with 0..1 before every slice; raise `Cancelled` from it to stop. Who wants to keep
        what was found until then uses `napari_sam.stacks.carry.Carry`.

    Returns
    -------
    Propagation

    Raises
    ------
    ImageError, PromptError, ParameterError, LabelsError, ModelError, Cancelled

    Examples
    --------
    >>> stack = np.zeros((9, 64, 64), np.uint8)
    >>> stack[2:7, 20:44, 20:44] = 200
    >>> found = propagate(stack, {4: Prompt(points=[(32, 32)])})
    >>> found.mask.shape, bool(found.mask[3, 32, 32])
    ((9, 64, 64), True)
    """
    from napari_sam.loading import as_model

    checks.reports(progress)
    first = checks.whole(first, "first")
    carry = Carry(stack, as_model(model, device), rgb=rgb, limits=limits, others=others)
    carry.first = first
    if last is not None:
        carry.last = min(checks.whole(last, "last"), carry.last)
    show_all(carry, prompts)
    for _ in carry.run(progress):
        pass
    depth, plane = carry.slices.depth, carry.slices.plane
    mask = np.zeros((depth, *plane), dtype=bool)
    scores = np.full(depth, np.nan)
    for index, step in carry.steps.items():
        if step.region.area:
            r0, c0, r1, c1 = step.region.box
            mask[index, r0:r1, c0:c1] = step.region.mask
            scores[index] = step.score
    return Propagation(mask, scores)
