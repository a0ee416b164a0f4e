"""From an answer to labels and back: accept, and undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_sam.errors import LabelsError, NapariSamError
from napari_sam.ui.acceptance import Kept, keep, take_back
from napari_sam.ui.desk import Desk
from napari_sam.ui.marking import Marking, Spent
from napari_sam.ui.planes import labels_plane, new_labels
from napari_sam.ui.preview import add_quietly
from napari_sam.ui.state import Answer


@dataclass(frozen=True, eq=False)
class _Step:
    kept: Kept
    spent: Spent


class Keeping:
    """Writes answers into labels and remembers how to take each back."""

    def __init__(self, desk: Desk, marking: Marking, refresh: Callable[[], None]) -> None:
        self._desk = desk
        self._marking = marking
        self._refresh = refresh
        self._steps: list[_Step] = []

    def keep(self, answer: Answer) -> bool:
        """Write the chosen candidate of an answer into the plane it was computed on."""
        desk, state = self._desk, self._desk.state
        try:
            if not desk.same_pixels(answer.view):
                raise LabelsError("The image has changed since this mask was made. Click again.")
            labels = state.target or new_labels(answer.image, f"{answer.image.name} cells")
            plane = labels_plane(answer.image, answer.plane, labels)
            order = sorted(
                range(len(answer.found)), key=lambda i: -float(answer.found[i].scores.max())
            )
            masks = answer.masks(state.choice)
            kept = keep(labels, plane, [masks[i] for i in order], state.overlap)
        except NapariSamError as error:
            desk.fail(error)
            return False
        if labels not in desk.viewer.layers:
            add_quietly(desk.viewer, labels)
        state.target = labels
        self._steps.append(_Step(kept, self._marking.spend(answer.plane)))
        state.answer = None
        desk.say(_told(kept, answer))
        return True

    def remember(self, kept: Kept) -> None:
        """Remember a write that was not made from marks."""
        self._steps.append(_Step(kept, Spent()))

    def undo(self) -> None:
        """Take the last step back; its marks return, so that it can be done differently."""
        while self._steps and self._steps[-1].kept.labels not in self._desk.viewer.layers:
            self._steps.pop()
        if not self._steps:
            self._desk.say("There is nothing to undo.")
            return
        step = self._steps.pop()
        try:
            take_back(step.kept)
        except NapariSamError as error:
            self._desk.fail(error)
            return
        self._marking.restore(step.spent)
        name = step.kept.labels.name
        self._desk.say(f"Took the last step in {name!r} back.")
        self._refresh()

    def forget(self) -> None:
        self._steps.clear()


def _told(kept: Kept, answer: Answer) -> str:
    at = [str(i) for i in answer.plane.index if i is not None]
    where = f" on slice {', '.join(at)}" if at else ""
    what = (
        f"cell {kept.ids[0]}"
        if len(kept.ids) == 1
        else f"{len(kept.ids)} cells ({kept.ids[0]} to {kept.ids[-1]})"
    )
    return f"Kept {what}{where} in {kept.labels.name!r}. Click the next cell."
