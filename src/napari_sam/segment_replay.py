"""Do a session again: on the same image or another one, by the same model or another one."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam import checks
from napari_sam.engine.prompter import Prompter
from napari_sam.engine.run import run
from napari_sam.engine.whole import ModelSource, models_for
from napari_sam.errors import LabelsError, ParameterError, PromptError
from napari_sam.images import Image, Plane
from napari_sam.labels import table as object_table
from napari_sam.labels.accept import accept
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.document import Document
from napari_sam.labels.merge import merge, restrict
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.runs import Runs
from napari_sam.labels.session import Session, read_session
from napari_sam.labels.sheet import PlainSheet
from napari_sam.loading import as_model
from napari_sam.methods.option import given
from napari_sam.methods.registry import method as method_named
from napari_sam.models.model import Model
from napari_sam.progress import Progress, part, silent
from napari_sam.prompts import Placed, Prompt
from napari_sam.segmentation import Overlap, Segmentation, with_units


def replay(
    session: Session | str | Path,
    image: Any,
    model: ModelSource | None = None,
    *,
    overlap: Overlap = "keep",
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> Segmentation:
    """Answer the prompts of a session again, and search again what was searched.

    Prompts that were refined click by click are asked at once, the candidate of the same rank is
    taken, and outlines that a person changed by hand are the model's.

    Parameters
    ----------
    session : Session, str or Path
        What the panel wrote beside the labels, or `napari_sam.labels.session.session_of` made.
    image : (..., H, W) or (..., H, W, 3) array of any real type, or Image
        With as many axes as the one that the session was made on.
    model : Model, str or Path, optional
        Who answers; those that answered then by default.
    overlap : {"keep", "overwrite"}
        What happens where a new object meets labels.
    limits : (low, high), optional
        Contrast limits; those of the session by default.
    rgb : bool, optional
        Whether the last axis holds colours; found out by default.
    device : str
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    Segmentation
        Labels of the image's shape, and a row per object. A warning tells of prompts that made
        nothing because their place was taken.

    Raises
    ------
    DataError
        When the file is no session.
    ParameterError, PromptError
        When a step does not fit the image.
    ImageError, ModelError, Cancelled

    Examples
    --------
    >>> from napari_sam.labels.session import Session
    >>> from skimage.data import coins
    >>> plane = Plane((0, 1), (None, None), (303, 384))
    >>> one = Origin(plane, (Prompt(points=[(50, 150)]),), "cells", (0,))
    >>> found = replay(Session((one,)), coins())
    >>> len(found), int(found.labels[50, 150])
    (1, 1)
    """
    how: dict[str, Any] = {"overlap": overlap, "limits": limits, "rgb": rgb, "device": device}
    found, told = replay_and_tell(session, image, model, progress=progress, **how)
    if told:
        warnings.warn(told, stacklevel=2)
    return found


def replay_and_tell(
    session: Session | str | Path,
    image: Any,
    model: ModelSource | None = None,
    *,
    overlap: Overlap = "keep",
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> tuple[Segmentation, str]:
    """Do as `replay` does, and return what it would warn of: for threads, which share warnings."""
    checks.one_of(overlap, ("keep", "overwrite"), "overlap")
    checks.reports(progress)
    known = session if isinstance(session, Session) else read_session(session)
    described = Image.of(image, rgb=rgb, limits=known.limits if limits is None else limits)
    again = _Again(described, model, device, overlap)
    for done, step in enumerate(known.steps):
        stage = part(progress, done / len(known), (done + 1) / len(known))
        stage(0.0)
        try:
            again.do(step, stage)
        except PromptError as error:
            raise PromptError(f"Step {done + 1} does not fit the image: {error}") from error
    progress(1.0)
    told = f"{again.taken} steps made nothing: their place was taken." if again.taken else ""
    return again.result(), told


class _Again:
    """Labels that are made anew, step by step."""

    def __init__(
        self, image: Image, model: ModelSource | None, device: str, overlap: Overlap
    ) -> None:
        self._image, self._model, self._device, self._overlap = image, model, device, overlap
        labels = np.zeros(image.shape, np.int32)
        self._document = Document(PlainSheet(labels, object_table.nothing()), empty=True)
        self._models: dict[str, Model] = {}
        self._asked: tuple[Plane, str, Prompter] | None = None
        self.taken = 0

    def do(self, step: Origin, progress: Progress) -> None:
        """Do one step."""
        plane = self._plane(step)
        if step.method:
            self._search(step, plane, progress)
            return
        prompter = self._prompter(step, plane)
        prompts = [_placed(prompt.without_logits(), plane) for prompt in step.prompts]
        found = [prompter.predict(prompt) for prompt in prompts]
        choices = step.choices or (0,) * len(found)
        trusted = sorted(
            zip(found, choices, strict=True), key=lambda one: -float(one[0].scores.max())
        )
        regions = [one.regions[min(choice, len(one) - 1)] for one, choice in trusted]
        try:
            accept(self._document, plane, regions, self._overlap, origin=step)
        except LabelsError:  # the place is taken
            self.taken += 1

    def _plane(self, step: Origin) -> Plane:
        """Find the plane of a step in this image."""
        shape, place = self._image.shape, step.plane
        if place is None:
            place = next(iter(self._image.planes()))
        if place.ndim != len(shape):
            raise ParameterError(
                f"The session is about images with {place.ndim} axes, this one has {len(shape)}: "
                f"{shape}."
            )
        if any(at is not None and at >= side for at, side in zip(place.index, shape, strict=True)):
            raise ParameterError(f"The image of shape {shape} has no plane {place.index}.")
        return replace(place, shape=(shape[place.axes[0]], shape[place.axes[1]]))

    def _who(self, step: Origin) -> Model:
        if step.model not in self._models:
            wanted = step.model if self._model is None else self._model
            self._models[step.model] = as_model(wanted, self._device)
        return self._models[step.model]

    def _prompter(self, step: Origin, plane: Plane) -> Prompter:
        if self._asked is None or self._asked[:2] != (plane, step.model):
            self._asked = plane, step.model, Prompter(self._image, self._who(step), plane)
        return self._asked[2]

    def _search(self, step: Origin, plane: Plane, progress: Progress) -> None:
        known = method_named(step.method)
        options = given(known.kind, step.options)
        runs, sees = models_for(options, self._who(step), "cells", self._device)
        (result,) = run(self._image, plane, known, runs, options, finder=sees, progress=progress)
        document, pixels = self._document, self._document.sheet.pixels
        before, found = plane.take(pixels), result.chosen.labels
        kept = np.arange(int(found.max(initial=0)) + 1)
        for prompt in step.prompts:  # the region that was searched
            mask = _placed(prompt, plane).mask
            assert mask is not None
            kept = restrict(found, mask)
        merged = merge(kept[found], before, "empty", document.free_id(plane))
        if not merged.ids:
            self.taken += 1
            return
        rows, columns = np.nonzero(before != merged.labels)
        values = before[rows, columns], merged.labels[rows, columns]
        runs_of = Runs.at(pixels.shape, plane.locate(rows, columns), *values)
        read = next(iter(self._image.blocks(plane))).read()
        table = object_table.describe(merged.labels, merged.ids, plane, read)
        scores = result.chosen.table
        numbers = merged.numbers[kept[scores["label"].to_numpy(int)]]
        scores = scores.assign(**{object_table.INDEX: numbers})
        table = object_table.remeasured(scores, with_units(table, self._image.pixel_size))
        change = replace_rows(document.table, merged.ids, table)
        document.apply(Change("Searched.", runs_of, change, "search", step))

    def result(self) -> Segmentation:
        """Return what was made."""
        labels, table = self._document.sheet.pixels, self._document.table
        there = table[table[object_table.INDEX].isin(object_table.ids_of(labels))]
        table = there.assign(label=there[object_table.INDEX].astype(np.int64))
        return Segmentation(labels, table.reset_index(drop=True))


def _placed(prompt: Prompt, plane: Plane) -> Prompt:
    """Let a rough mask be about a plane of another size, where it lies on it."""
    region = prompt.region
    if region is None or prompt.mask_shape == plane.shape:
        return prompt
    inside = region.within(plane.shape)
    if not inside.area:
        raise PromptError(f"An outline lies beyond the plane of {plane.shape}.")
    return prompt.with_mask(Placed(inside, plane.shape))
