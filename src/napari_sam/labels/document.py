"""All that happens to one set of labels: `apply`, `undo`, `redo`, and the log.

Whoever writes into labels hands in a `Change`. It is made whole, pixels and rows of the table, or
not at all; and it is taken back from what it says itself, so that nobody else has to remember.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.checks import MOST_ID
from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels import table as object_table
from napari_sam.labels.change import Change, MovedStep, Origin
from napari_sam.labels.making import making
from napari_sam.labels.presence import Presence
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.runs import Runs, stands
from napari_sam.labels.sheet import Sheet
from napari_sam.labels.steps import Steps, done_at_once
from napari_sam.labels.witness import Way, Witness, witnessed

Event = Literal["apply", "undo", "redo", "retract", "complete", "fill", "fill_free", "forget"]
Listener = Callable[[Event, Change | None], None]


class Document:
    """One log for everything that happens to some labels.

    Parameters
    ----------
    sheet : Sheet
        What holds them.
    empty : bool
        Whether the labels are known to hold no object yet.
    """

    def __init__(self, sheet: Sheet, *, empty: bool = False) -> None:
        self.sheet = sheet
        self.presence = Presence(lambda: sheet.pixels, empty)
        #: What planes of new labels were filled by, by their place.
        self.filled: dict[tuple[int | None, ...], Origin] = {}
        #: Hears of changes that take long before they are written.
        self.witness: Witness | None = None
        self._done: list[Change] = []
        self._undone: list[Change] = []
        self._listeners: list[Listener] = []
        self._under_way: object = None  # what is being written, some of it at a time

    # -- looking ---------------------------------------------------------------------------------

    @property
    def log(self) -> tuple[Change, ...]:
        """All steps that stand, the oldest first."""
        return tuple(self._done)

    @property
    def undone(self) -> tuple[Change, ...]:
        """All steps that were taken back, the one that `redo` does again the last."""
        return tuple(self._undone)

    @property
    def last(self) -> Change | None:
        """The step that `undo` takes back."""
        return self._done[-1] if self._done else None

    @property
    def fits(self) -> bool:
        """Whether the labels still are those that the log is about."""
        return True

    @property
    def under_way(self) -> bool:
        """Whether something is being written, some of it at a time."""
        return self._under_way is not None

    def check_free(self) -> None:
        """Raise a `LabelsError` while something is being written."""
        if self.under_way:
            raise LabelsError(
                f"{self.sheet.name!r} is still being written. Wait for it, or press Cancel."
            )

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    @property
    def table(self) -> pd.DataFrame:
        """The table, whose rows say which object they are about."""
        return object_table.adopt(self.sheet.table)

    def elsewhere(self, ids: Iterable[int], plane: Plane) -> set[int]:
        """Tell which objects go on off a plane."""
        return self.presence.elsewhere(ids, plane)

    def free_id(
        self, plane: Plane | None = None, part: npt.NDArray[np.integer[Any]] | None = None
    ) -> int:
        """Return an id that no object has, and none had as far as the log goes back.

        Parameters
        ----------
        plane : Plane, optional
            That is going to be written: looked at, in case that somebody wrote there unheard.
        part : integer array, optional
            What the plane holds where it is going to be written, if that was read already.

        Raises
        ------
        LabelsError
            When ids are used up.
        """
        table = self.sheet.table
        rows = object_table.object_ids(table) if object_table.INDEX in table else ()
        had = max((change.highest_id for change in self._done), default=0)
        highest = max(self.presence.highest(plane, part), had, int(max(rows, default=0)), 0)
        if highest >= MOST_ID:
            raise LabelsError(
                f"No id above {highest} is left in {self.sheet.name!r}. Number its objects anew, "
                "or choose a new Labels layer."
            )
        return highest + 1

    def listen(self, listener: Listener) -> None:
        """Call ``listener(event, change)`` after everything that happens."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Call a listener no more."""
        self._listeners.remove(listener)

    def _tell(self, event: Event, change: Change | None) -> None:
        for listener in list(self._listeners):
            listener(event, change)

    # -- doing -----------------------------------------------------------------------------------

    def apply(self, change: Change) -> None:
        """Make a change, all of it or nothing.

        Raises
        ------
        LabelsError
            When the labels cannot take it: their type is too small, they are locked, or they
            are no longer as the change found them. Nothing has changed then.
        """
        done_at_once(self.applying(change))

    def applying(self, change: Change) -> Steps[None]:
        """Make a change as `apply` does, some of it at a time.

        Until it is made nothing else is written, and it is no step yet. When the generator is
        closed before, nothing has changed.
        """
        change.when = self._now()
        yield from self._making("apply", change)
        self._undone.clear()
        self._push(change)

    def record(self, change: Change) -> None:
        """Take a change into the log whose pixels somebody else has written."""
        self._undone.clear()
        self._push(change)

    def complete(
        self, change: Change, rows: pd.DataFrame, ids: Iterable[int] | None = None
    ) -> None:
        """Give the objects of a step their rows, which were measured after its pixels.

        Parameters
        ----------
        ids : iterable of int, optional
            Objects whose rows are replaced; those of the step by default.
        """
        if change not in self._done:
            return
        later = self._done[self._done.index(change) + 1 :]
        decided = {i for step in later for i in step.ids}  # there, later steps know better
        wanted = [i for i in (change.ids if ids is None else ids) if i not in decided]
        new = rows[~np.isin(object_table.object_ids(rows), list(decided))]
        last = change.rows is not None and not later
        table = change.rows.revert(self.table) if change.rows and last else self.table
        made = replace_rows(table, wanted, new)
        change.rows = made
        self.sheet.table = made.apply(table)
        self._tell("complete", change)

    def fill(self, plane: Plane, labels: npt.NDArray[Any], origin: Origin | None = None) -> None:
        """Write what a plane of new labels begins with: no step, so nothing can be undone.

        Parameters
        ----------
        labels : (H, W) integer array
        origin : Origin, optional

        Raises
        ------
        LabelsError
            When steps stand in the log, or the labels cannot be written.
        """
        if self._done:
            raise LabelsError(f"{self.sheet.name!r} has been edited since. Nothing was written.")
        self.check_free()
        self.sheet.check_writable()
        self._undone.clear()
        self.sheet.pixels[plane.slices] = labels.T if plane.transposed else labels
        self.presence.forget(plane)
        self.tell_filled("fill", plane, origin)

    def tell_filled(self, event: Event, plane: Plane, origin: Origin | None) -> None:
        """Tell that a plane was filled, of which no step knows."""
        nothing = Runs.none(self.sheet.pixels.shape)
        origin = self.filled[plane.index] = origin or Origin(plane)
        self._tell(event, Change("Filled.", nothing, kind="fill", origin=origin))

    def adopt(self, done: Iterable[Change], undone: Iterable[Change]) -> None:
        """Go on from a log that was kept elsewhere, and that fits the labels as they are.

        Raises
        ------
        LabelsError
            When this document has a log of its own.
        """
        if self._done or self._undone:
            raise LabelsError(f"{self.sheet.name!r} has been edited. Nothing was changed.")
        self._done, self._undone = list(done), list(undone)

    def _push(self, change: Change) -> None:
        change.when = self._now()
        self._done.append(change)
        self._tell("apply", change)

    def _now(self) -> int:
        """The time, later than that of any step."""
        return max(time.time_ns(), self._done[-1].when + 1 if self._done else 0)

    # -- taking back -----------------------------------------------------------------------------

    def undo(self) -> MovedStep | None:
        """Take the last step back; None when there is none.

        Raises
        ------
        LabelsError
            When the labels cannot be written. Nothing has changed then.
        """
        return done_at_once(self.undoing())

    def undoing(self) -> Steps[MovedStep | None]:
        """Take the last step back as `undo` does, some of it at a time; see `applying`."""
        self.check_free()
        if not self._done:
            return None
        change = self._done[-1]
        left_alone = yield from self._making("undo", change)
        if change is self.last:  # else a person has painted meanwhile
            self._undone.append(change)
        self._done.remove(change)
        self._tell("undo", change)
        return MovedStep(change, left_alone)

    def redo(self) -> MovedStep | None:
        """Do again what was taken back last; None when there is nothing.

        Raises
        ------
        LabelsError
        """
        return done_at_once(self.redoing())

    def redoing(self) -> Steps[MovedStep | None]:
        """Do again what was taken back last as `redo` does, some of it at a time."""
        self.check_free()
        if not self._undone:
            return None
        change = self._undone[-1]
        left_alone = yield from self._making("redo", change)
        change.when = self._now()
        if change in self._undone:  # else a person has painted meanwhile
            self._undone.remove(change)
        self._done.append(change)
        self._tell("redo", change)
        return MovedStep(change, left_alone)

    def retract(self, change: Change) -> None:
        """Take the last step back as if it had never been: another takes its place.

        Raises
        ------
        LabelsError
            When it is not the last step, or the labels cannot be written.
        """
        if change is not self.last:
            raise LabelsError(f"{self.sheet.name!r} has been edited since. Nothing was changed.")
        done_at_once(self._making("undo", change))
        self._done.pop()
        self._undone.clear()
        self._tell("retract", change)

    def drop(self, change: Change) -> None:
        """Take a step out of the log that was recorded and then not written after all."""
        if change in self._done:
            self._done.remove(change)
            self._tell("retract", change)

    def forget(self) -> None:
        """Start anew: the labels hold other data now."""
        self._under_way = None
        self._done.clear()
        self._undone.clear()
        self.filled.clear()
        self.presence = Presence(lambda: self.sheet.pixels)
        self._tell("forget", None)

    # -- pixels and rows together ----------------------------------------------------------------

    def _making(self, way: Way, change: Change) -> Steps[int]:
        """Write a change, forwards or back; returns pixels left alone."""
        self.check_free()
        mine = self._under_way = object()

        def wanted() -> bool:
            return self._under_way is mine and self.fits

        parts = self.sheet, self.presence, change
        work = making(*parts, back=way == "undo", strictly=way == "apply", wanted=wanted)
        try:
            return (yield from witnessed(self.witness, way, change, work, wanted))
        finally:
            if self._under_way is mine:
                self._under_way = None

    def stands(self, change: Change) -> bool:
        """Tell whether the pixels are as a change leaves them."""
        return stands(self.sheet.pixels, change.pixels)
