"""From an answer to labels and back: accept, and undo."""

from __future__ import annotations

from dataclasses import dataclass

from napari_sam.errors import NapariSamError
from napari_sam.ui.canvas.preview import add_quietly
from napari_sam.ui.labels_layer.acceptance import Kept, keep
from napari_sam.ui.layers.planes import labels_plane, new_labels
from napari_sam.ui.proposing.marks import MarkLayers, Spent
from napari_sam.ui.state import Answer
from napari_sam.ui.workbench import Workbench


@dataclass(frozen=True, eq=False)
class _Step:
    kept: Kept
    spent: Spent


class Keeping:
    """Writes answers into labels and remembers how to take each back."""

    def __init__(self, bench: Workbench, marks: MarkLayers) -> None:
        self._bench = bench
        self._marks = marks
        self._steps: list[_Step] = []

    def keep(self, answer: Answer) -> bool:
        """Write the chosen candidate of an answer into the plane it was computed on."""
        bench, state = self._bench, self._bench.state
        try:
            labels = state.target or new_labels(answer.image, f"{answer.image.name} cells")
            plane = labels_plane(answer.image, answer.plane, labels)
            order = sorted(
                range(len(answer.found)), key=lambda i: -float(answer.found[i].scores.max())
            )
            masks = answer.masks(state.choice)
            kept = keep(labels, plane, [masks[i] for i in order], state.overlap)
        except NapariSamError as error:
            bench.fail(error)
            return False
        if labels not in bench.viewer.layers:
            add_quietly(bench.viewer, labels)
        state.target = labels
        self._steps.append(_Step(kept, self._marks.spend(answer.plane)))
        self.look()
        state.answer = None
        bench.result(_told(kept, answer))
        return True

    def remember(self, kept: Kept | None, instead_of: Kept | None = None) -> None:
        """Remember a write that was not made from marks; forget one that it replaced."""
        self._steps = [step for step in self._steps if step.kept is not instead_of]
        if kept is not None:
            self._steps.append(_Step(kept, Spent()))
        self.look()

    @property
    def newest(self) -> tuple[int, ...]:
        """The ids that were written last."""
        return self._steps[-1].kept.ids if self._steps else ()

    def kept_in(self, labels: object) -> set[int]:
        """Return the ids that were kept in these labels, as far as they were not taken back."""
        return {i for step in self._steps if step.kept.labels is labels for i in step.kept.ids}

    def wrote(self, labels: object) -> bool:
        """Whether the last step that can be taken back is in these labels."""
        return bool(self._steps) and self._steps[-1].kept.labels is labels

    def look(self) -> None:
        """See whether any step can still be taken back, as far as that is seen at a glance."""
        layers = self._bench.viewer.layers
        self._bench.state.kept = any(
            step.kept.labels in layers and step.kept.labels.data is step.kept.data
            for step in self._steps
        )

    def undo(self) -> None:
        """Take the last step back; its marks return, so that it can be done differently."""
        self._undo()
        self.look()

    def _undo(self) -> None:
        while self._steps and not self._steps[-1].kept.there(self._bench.viewer):
            self._steps.pop()
        if not self._steps:
            self._bench.result("There is nothing to undo.")
            return
        step = self._steps[-1]
        name = step.kept.labels.name
        try:
            step.kept.take_back()
        except NapariSamError as error:
            self._steps.pop()
            self._bench.fail(error)
            return
        if step.kept.there(self._bench.viewer):
            self._bench.result(f"Took the last edit of {name!r} back, made after the last cell.")
            return
        self._steps.pop()
        self._marks.restore(step.spent)
        self._bench.result(f"Took the last step in {name!r} back.")

    def forget(self) -> None:
        self._steps.clear()
        self.look()


def _told(kept: Kept, answer: Answer) -> str:
    at = [str(i) for i in answer.plane.index if i is not None]
    where = f" on slice {', '.join(at)}" if at else ""
    what = (
        f"cell {kept.ids[0]}"
        if len(kept.ids) == 1
        else f"{len(kept.ids)} cells ({kept.ids[0]} to {kept.ids[-1]})"
    )
    return f"Kept {what}{where} in {kept.labels.name!r}. Click the next cell."
