"""Cells that were followed and kept: as one object, in one step that can be taken back."""

from __future__ import annotations

from napari_sam.labels.change import Change, Origin
from napari_sam.ui.labels_layer.accepting import Kin
from napari_sam.ui.layers.shown import same_pixels
from napari_sam.ui.tools.through_run import Run
from napari_sam.ui.tools.tool import Parts

_MOST = 8  # cells that can be taken up again after an undo


class Keeping:
    """Writes cells into labels, and finds them again when that is undone.

    Parameters
    ----------
    parts : Parts
    """

    def __init__(self, parts: Parts) -> None:
        self._parts, self._bench = parts, parts.bench
        self._kept: dict[Change, Run] = {}

    def write(self, run: Run) -> bool:
        """Keep a cell on all its slices; False when that was not possible, it was said why."""
        prompts = tuple(prompt for at in sorted(run.prompts) for prompt in run.prompts[at])
        origin = Origin(run.view.plane, prompts, self._bench.state.model)
        marked, number = [*run.planes(run.marked), *run.beside], run.carrying.own
        family = Kin(run.daughters(), run.carried.parents)
        change = self._parts.accepting.accept_through(
            run.image, run.regions(), marked, number, origin, run.along.word, family
        )
        if change is None:
            return False
        run.kept = change
        self._remember(run, change)
        return True

    def _remember(self, run: Run, change: Change) -> None:
        self._kept[change] = run
        while len(self._kept) > _MOST:
            self._kept.pop(next(iter(self._kept)))
        # Marks of other slices are no unfinished cells any more.
        self._parts.proposal.predicting.put_away(run.planes(run.marked))

    def taken_back(self, change: Change | None) -> Run | None:
        """Return the cell whose keeping was undone, if its image is still what it was."""
        run = None if change is None else self._kept.get(change)
        if change is None or run is None or not same_pixels(self._bench.state.image, run.view):
            return None
        self._kept[change] = run.copy()  # as it was kept, should that be done again
        return run

    def brought_back(self, run: Run) -> bool:
        """Whether the step was done again by which a cell had been kept."""
        document = self._parts.documents.known(self._bench.state.target)
        change = run.kept
        if change is None or document is None or document.last is not change:
            return False
        self._parts.proposal.predicting.put_away(run.planes(run.marked))
        self._bench.result(f"Done again: {change.told}")
        return True

    def forget(self) -> None:
        """Take no cell up again."""
        self._kept.clear()
