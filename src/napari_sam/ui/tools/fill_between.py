"""Fill between: the slices between those on which a cell was drawn or marked, by shape."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.engine.carrying import planes_along
from napari_sam.errors import LabelsError, NapariSamError, ViewError
from napari_sam.images import PlaneStack
from napari_sam.labels.accept_through import accept_through
from napari_sam.labels.change import Change, Origin
from napari_sam.regions import Region
from napari_sam.stacks.interpolate import fill_regions, interpolate
from napari_sam.ui.layers.axes import Further
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.tools.through_following import ThroughFollowing
from napari_sam.ui.tools.through_run import Run
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    from napari.layers import Labels


def fill_marked(parts: Parts, run: Run, following: ThroughFollowing) -> None:
    """Fill a cell that is followed between the slices on which it was marked."""
    known = {at: run.carried.steps[at].region for at in run.carried.given}
    word = run.along.word
    if following.under_way:
        parts.bench.result(f"Wait until the {word}s are known, or press Cancel.")
        return
    if len(known) < 2:
        told = f"Mark the cell on another {word} as well: what lies between is filled."
        parts.bench.result(told)
        return
    parts.accepting.undone.forget()
    run.fill(fill_regions(known))
    following.go_on(run)


def fill_drawn(parts: Parts, along: Further | None) -> None:
    """Fill the label that is selected in the layer controls, beside the window.

    Parameters
    ----------
    parts : Parts
    along : Further or None
        The axis of the image along which its slices lie; None when it has no slices.
    """
    bench = parts.bench
    try:
        labels = _labels(parts)
        shown = bench.shown()
        plane = shown.plane
        check_fit(shown.image, labels)
        if along is None:
            raise LabelsError("The image has no slices to fill between.")
        number = int(labels.selected_label)
        if number < 1:
            raise LabelsError(
                f"Label {number} is no cell: choose in the layer controls the label to fill."
            )
        document = parts.documents.of(labels)
        document.claim()
    except NapariSamError as error:
        bench.fail(error)
        return
    pixels, data, page = document.sheet.pixels, labels.data, bench.state.tool
    planes, word = list(planes_along(plane, along.axis, along.length)), along.word

    def begin() -> None:
        document.sync()
        known, stack = document.log, PlaneStack(pixels, planes)
        bench.progress(0.0)
        bench.say(f"Filling label {number} between the {word}s where it was drawn.")
        bench.submit(
            "fill",
            lambda progress: interpolate(stack, number, progress=progress),
            partial(filled, known),
            progress=bench.progress,
        )

    def filled(known: tuple[Change, ...], masks: dict[int, npt.NDArray[np.bool_]]) -> None:
        bench.progress(None)
        regions = {planes[at]: Region.of(mask) for at, mask in masks.items()}
        try:
            if labels not in bench.viewer.layers or labels.data is not data:
                raise LabelsError("The labels were removed or changed. Nothing was filled.")
            document.sync()
            if any(number in step.pixels.ids for step in {*known} ^ {*document.log}):
                begin()  # it was drawn, erased or taken back meanwhile: what is there now counts
                return
            if not regions:
                raise LabelsError(f"Label {number} has no gap: there is nothing to fill.")
            how: dict[str, Any] = {"number": number, "kind": "interpolate", "word": word}
            change = accept_through(document, regions, "keep", origin=Origin(plane), **how)
        except NapariSamError as error:
            bench.fail(error)
            return
        document.measure_soon(change)
        told = change.told.rstrip(".")
        where = f"in {labels.name!r}, between those where it was drawn"
        bench.result_on(page, f"{told} {where}.")

    begin()


def _labels(parts: Parts) -> Labels:
    """Return the labels that are meant: those that cells are kept in, or the active ones."""
    from napari.layers import Labels

    state, active = parts.bench.state, parts.bench.viewer.layers.selection.active
    if isinstance(active, Labels) and active not in parts.bench.ours:
        return active
    if state.target is None:
        raise ViewError(
            "Choose under 'Keep cells in' the labels you have drawn in, and in the layer "
            "controls the label to fill."
        )
    return state.target
