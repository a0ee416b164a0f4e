"""`propagate`: objects, shown on a slice or some, found on all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import PromptError
from napari_sam.images import Image
from napari_sam.models.model import Model
from napari_sam.pixel_size import step_of
from napari_sam.progress import Progress, part, silent
from napari_sam.prompts import Prompt
from napari_sam.stacks.carry import Carry
from napari_sam.stacks.descendants import FIRST, Descendants, Follower
from napari_sam.stacks.following import Step
from napari_sam.stacks.recall import Recall
from napari_sam.stacks.recalled import Recalled
from napari_sam.stacks.shown import shown_by

if TYPE_CHECKING:
    from napari_sam.stacks.tracks import Tracks


@dataclass(frozen=True, eq=False)
class Propagation:
    """One object through a stack or movie.

    Parameters
    ----------
    mask : (Z, H, W) bool
    scores : (Z,) float
        Predicted IoU on every slice; 1 where a mask was given, NaN where the object is not.
    divides : int or None
        The first frame of its daughters, if it divides and that was asked for.
    daughters : dict of int to Propagation
        By their numbers, what it divides into, and what these do.
    parents : dict of int to int
        From the number of every daughter to that of her mother; the object itself is 1.
    """

    mask: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    divides: int | None = None
    daughters: dict[int, Propagation] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        there = self.slices
        where = f"{there[0]} to {there[-1]}" if len(there) else "none"
        told = f"on {len(there)} of {len(self.scores)} slices, {where}"
        if self.divides is not None:
            told += f"; divides at {self.divides}, {len(self.daughters)} daughters"
        return f"Propagation: {told}; mask {self.mask.shape}"

    @property
    def slices(self) -> npt.NDArray[np.intp]:
        """The slices with the object on them."""
        return np.flatnonzero(~np.isnan(self.scores))

    def tracks(self) -> Tracks:
        """Return the object and its daughters as `napari_sam.track_cells` returns cells.

        Where two of them overlap, the one that is more certain there is on top.
        """
        from napari_sam.stacks.tracks import tracks_of

        labels = np.zeros(self.mask.shape, np.int32)
        for at, plane in enumerate(labels):
            there = [n for n, one in self._all().items() if not np.isnan(one.scores[at])]
            for number in sorted(there, key=lambda n: float(self._all()[n].scores[at])):
                plane[self._all()[number].mask[at]] = number
        seen = set(np.unique(labels).tolist())
        return tracks_of(labels, {c: m for c, m in self.parents.items() if {c, m} <= seen})

    def _all(self) -> dict[int, Propagation]:
        return {FIRST: self, **self.daughters}


def propagate(
    stack: Any,
    prompts: Mapping[int, Prompt | npt.ArrayLike],
    model: Model | str | Path = "cells",
    *,
    first: int = 0,
    last: int | None = None,
    others: Any = None,
    over_time: bool | None = None,
    divisions: bool = False,
    finder: Model | str | Path = "cells",
    rgb: bool | None = None,
    limits: tuple[float, float] | None = None,
    spacing: tuple[float, float, float] | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Propagation:
    """Follow an object through slices or frames, both ways from where it is shown.

    A slice that has a mask keeps it. On slices where the object was not shown its dim rim is left
    out (`napari_sam.stacks.rims`), but not over time, nor by a model with a memory.

    Parameters
    ----------
    stack : (Z, H, W) or (Z, H, W, C) array, or Image
        Slices or frames along axis 0. Dask and zarr arrays are read by windows around the
        object, and the prompted slices in full.
    prompts : dict of int to Prompt or (H, W) bool array
        What says where the object is, by slice. Between two such slices it is found from both;
        beyond them it is followed until it ends.
    model : Model, str or Path
        Any promptable model: a loaded one, a name from the zoo, or a checkpoint's path. One with
        a memory, such as SAM 2.1, follows the object by that, on whole slices.
    first, last : int
        Slices beyond which the object is not followed.
    others : (Z, H, W) integer array, optional
        Objects that are there already, 0 where none is: no pixel of theirs is taken.
    over_time : bool, optional
        Whether these are frames of a movie, and not slices; by default they are if an `Image`
        says so by its axes. An object may become larger and smaller then, and stays until it
        leaves, dies or divides. A model with a memory needs no telling.
    divisions : bool
        Whether frames are searched for where it divides: there it ends, and its daughters are
        followed under numbers of their own. Otherwise it goes on as one of them, or ends.
    finder : Model, str or Path
        Who sees divisions when `model` has no learned automatic head.
    rgb : bool, optional
        Whether the last axis is colour; guessed from the shape by default.
    limits : (low, high), optional
        Contrast limits; by default percentiles of the first prompted slice.
    spacing : (z, row, column), optional
        Distances between slices, rows and columns, in any unit: from how many slices away light
        out of focus comes, which is taken away (`napari_sam.stacks.haze`). Frames have none. Of
        an `Image` by default those of its pixel size.
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

    how: dict[str, Any]
    checks.reports(progress)
    first, last = _ends(first, last)
    over_time, spacing = _known_of(stack, over_time, spacing)
    known = as_model(model, device)
    if checks.flag(divisions, "divisions"):
        how = {"rgb": rgb, "limits": limits, "others": others}
        sees = known if known.has_instances else as_model(finder, known.device)
        family = Descendants(partial(_follower, stack, how), known, lambda: sees)
        return _with_daughters(family, prompts, (first, last), progress)
    if known.memory is not None:
        how = {"first": first, "last": last, "others": others, "rgb": rgb, "limits": limits}
        return propagate_objects(stack, {1: prompts}, known, progress=progress, **how)[1]
    how = {"rgb": rgb, "limits": limits, "others": others, "over_time": over_time}
    step = None if spacing is None else step_of(spacing)
    carry = Carry(stack, known, step=step, **how)
    carry.first, carry.last = first, carry.last if last is None else min(last, carry.last)
    for index, what in sorted(shown_by(prompts).items()):
        carry.show(index, what)
    for _ in carry.run(progress):
        pass
    return _put_together(carry.steps, carry.slices.depth, carry.slices.plane)


def propagate_objects(
    stack: Any,
    objects: Mapping[int, Mapping[int, Prompt | npt.ArrayLike]],
    model: Model | str | Path = "cells",
    *,
    first: int = 0,
    last: int | None = None,
    others: Any = None,
    over_time: bool | None = None,
    rgb: bool | None = None,
    limits: tuple[float, float] | None = None,
    spacing: tuple[float, float, float] | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> dict[int, Propagation]:
    """Follow several objects through slices or frames.

    A model with a memory, such as SAM 2.1, encodes every slice once for all of them. With any
    other one they are followed one after the other, as by `propagate`.

    Parameters
    ----------
    stack : (Z, H, W) or (Z, H, W, C) array, or Image
        Slices or frames along axis 0.
    objects : dict of int to dict of int to Prompt or (H, W) bool array
        By the number of each object, what says where it is, by slice.
    model, first, last, others, over_time, rgb, limits, spacing, device, progress
        See `propagate`.

    Returns
    -------
    dict of int to Propagation
        By the numbers of the objects.

    Raises
    ------
    ImageError, PromptError, ParameterError, LabelsError, ModelError, Cancelled

    Examples
    --------
    >>> stack = np.zeros((5, 64, 96), np.uint8)
    >>> stack[:, 20:44, 10:34] = stack[:, 20:44, 60:84] = 200
    >>> two = {7: {2: Prompt(points=[(32, 22)])}, 8: {2: Prompt(points=[(32, 72)])}}
    >>> found = propagate_objects(stack, two)
    >>> sorted(found), bool(found[7].mask[0, 32, 22]), bool(found[7].mask[0, 32, 72])
    ([7, 8], True, False)
    """
    from napari_sam.loading import as_model

    checks.reports(progress)
    if not isinstance(objects, Mapping) or not objects:
        raise PromptError("Give at least one object: {number: {index: Prompt or mask}}.")
    shown = {number: shown_by(prompts) for number, prompts in objects.items()}
    first, last = _ends(first, last)
    over_time, spacing = _known_of(stack, over_time, spacing)
    known = as_model(model, device)
    how: dict[str, Any] = {"rgb": rgb, "limits": limits, "others": others}
    if known.memory is None:
        how |= {"first": first, "last": last, "over_time": over_time, "spacing": spacing}
        found = {}
        for done, (number, prompts) in enumerate(objects.items()):
            stage = part(progress, done / len(objects), (done + 1) / len(objects))
            found[number] = propagate(stack, prompts, known, progress=stage, **how)
        return found
    recall = Recall(stack, known, **how)
    recall.first, recall.last = first, recall.last if last is None else min(last, recall.last)
    for number, told in shown.items():
        for index, what in sorted(told.items()):
            recall.show(index, what, number)
    for _ in recall.run(progress):
        pass
    depth, plane = recall.slices.depth, recall.slices.plane
    return {number: _put_together(recall.steps(number), depth, plane) for number in recall.objects}


def _known_of(
    stack: Any, over_time: bool | None, spacing: tuple[float, float, float] | None
) -> tuple[bool, tuple[float, float, float] | None]:
    """Return what was said of a stack, or else what an `Image` knows of itself."""
    if isinstance(stack, Image):
        over_time = stack.axes.startswith("T") if over_time is None else over_time
        if spacing is None and stack.pixel_size is not None:
            spacing = stack.pixel_size.spacing
    told = None if spacing is None else checks.spacing(spacing)
    return checks.flag(False if over_time is None else over_time, "over_time"), told


def _ends(first: Any, last: Any) -> tuple[int, int | None]:
    """Return the slices beyond which nothing is followed, checked."""
    first = checks.whole(first, "first")
    if last is None:
        return first, None
    return first, checks.whole(last, "last", first)


def _follower(
    stack: Any, how: dict[str, Any], model: Model, limits: tuple[float, float] | None
) -> Follower:
    """Make what follows one cell through frames."""
    how = how if limits is None else {**how, "limits": limits}
    if model.memory is not None:
        return Recalled(stack, model, **how)
    return Carry(stack, model, over_time=True, **how)


def _with_daughters(
    family: Descendants,
    prompts: Mapping[int, Prompt | npt.ArrayLike],
    ends: tuple[int, int | None],
    progress: Progress,
) -> Propagation:
    """Follow a cell and its daughters."""
    slices = family.first.carry.slices
    last = slices.depth - 1
    family.limit(ends[0], last if ends[1] is None else min(ends[1], last))
    for index, what in sorted(shown_by(prompts).items()):
        family.show(index, what)
    while not family.done:
        progress(family.fraction)
        family.advance()
    progress(1.0)
    found = {
        number: replace(
            _put_together(one.carry.steps, slices.depth, slices.plane), divides=one.divided
        )
        for number, one in family.members.items()
    }
    return replace(found.pop(FIRST), daughters=found, parents=family.parents)


def _put_together(steps: Mapping[int, Step], depth: int, plane: tuple[int, int]) -> Propagation:
    mask = np.zeros((depth, *plane), dtype=bool)
    scores = np.full(depth, np.nan)
    for index, step in steps.items():
        if step.region.area:
            r0, c0, r1, c1 = step.region.box
            mask[index, r0:r1, c0:c1] = step.region.mask
            scores[index] = step.score
    return Propagation(mask, scores)
