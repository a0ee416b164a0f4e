"""A kept object in the hands of the model: its mask stands behind the clicks that refine it."""

from __future__ import annotations

from napari_sam.errors import LabelsError
from napari_sam.labels.change import Origin
from napari_sam.regions import Region
from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.proposing.marks import MarkLayers
from napari_sam.ui.state import Answer, State


def hand_over(marks: MarkLayers, editing: Editing, object_id: int) -> Region:
    """Let clicks on the displayed plane refine an object, if it is there; return its mask."""
    region = editing.region_of(object_id)
    marks.rough = (editing.plane, region) if region.area else None
    return region


def origin_of(answer: Answer, state: State) -> Origin:
    """Say how an answer came about that is kept now."""
    by_hand = bool(answer.painted)
    return Origin(answer.plane, answer.prompts, state.model, state.choices, by_hand)


def put(editing: Editing, object_id: int, answer: Answer, state: State) -> str:
    """Give an object the outline of an answer, under its number, and tell of it.

    Raises
    ------
    LabelsError
        When the answer is about another plane, or nothing of the object would be left.
    """
    if editing.plane != answer.plane:
        raise LabelsError("The answer is about another slice. Nothing was changed.")
    outline = answer.regions(state.choices)[0]
    return editing.replace(object_id, outline, state.overlap, origin_of(answer, state))
