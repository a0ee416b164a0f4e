"""One history of everything that happens to a Labels layer and to its table.

The layer's own undo stack holds the pixels, so napari's Ctrl+Z and ours are the same; this
history adds the rows of the table that belong to each step, and steps that change rows alone.
napari says when it writes, but not when it takes back: that is read off the pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_sam.labels import table as object_table

if TYPE_CHECKING:
    from napari.layers import Labels


@dataclass(eq=False)
class Step:
    """What changed: pixels, as napari keeps them, and rows of the table.

    Parameters
    ----------
    told : str
        What was done, for the status line.
    pixels : list
        Empty for a step that changes rows alone.
    ids : tuple of int
        The objects concerned.
    before, after : pandas.DataFrame
        Their rows; those that are missing were not, or are no longer, in the table.
    """

    told: str
    pixels: list[Any]
    ids: tuple[int, ...]
    before: pd.DataFrame
    after: pd.DataFrame
    forgotten: bool = False  # by napari, which keeps a hundred steps, and none of a locked layer


class History:
    """Undo and redo for one layer.

    Parameters
    ----------
    layer : Labels layer
    describe : callable
        ``describe(ids, by_hand) -> rows`` of objects that were written elsewhere.
    changed : callable
        Called when pixels or rows have changed in a way that was not asked for here.
    later : callable
        ``later(call)`` makes a call once what happens now is over.
    """

    def __init__(
        self,
        layer: Labels,
        describe: Callable[[tuple[int, ...], bool], pd.DataFrame],
        changed: Callable[[], None],
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        self.layer = layer
        self._describe = describe
        self._changed = changed
        self._later = later
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._waiting: list[list[Any]] = []
        self._busy = False
        self._data = layer.data
        layer.events.paint.connect(self._painted)
        layer.events.set_data.connect(self._refreshed)

    def close(self) -> None:
        self.layer.events.paint.disconnect(self._painted)
        self.layer.events.set_data.disconnect(self._refreshed)
        self.forget()

    def forget(self) -> None:
        """Start anew: the layer was given other data."""
        self._data = self.layer.data
        self._done.clear()
        self._undone.clear()
        self._waiting.clear()

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    @property
    def highest_id(self) -> int:
        """The highest id that any step knows of, so that none means two objects in turn."""
        steps = [*self._done, *self._undone]
        return max((max(step.ids, default=0) for step in steps), default=0)

    @property
    def table(self) -> pd.DataFrame:
        return object_table.adopt(self.layer.features)

    # -- doing ----------------------------------------------------------------------------------

    def write(
        self,
        told: str,
        indices: tuple[Any, ...],
        values: Any,
        ids: tuple[int, ...],
        rows: Callable[[], pd.DataFrame],
    ) -> Step:
        """Write pixels in one step, and the rows that follow from them."""
        self.sync()
        self._waiting.clear()
        self._busy = True
        try:
            self.layer.data_setitem(indices, values)
            pixels = self._waiting.pop() if self._waiting else []
        finally:
            self._busy = False
        return self._push(told, pixels, ids, rows())

    def complete(self, step: Step, rows: pd.DataFrame) -> None:
        """Give a step its rows, which were measured after its pixels were written."""
        self.sync()
        step.after = rows
        if self._done and self._done[-1] is step:
            self._put(step.ids, rows)
            self._changed()

    def retract(self, step: Step) -> None:
        """Take the last step back as if it had never been: another takes its place."""
        assert self._done[-1] is step
        self._done.pop()
        self._restore(step, back=True)

    def note(self, told: str, ids: tuple[int, ...], rows: pd.DataFrame) -> None:
        """Change rows alone."""
        self.sync()
        self._push(told, [], ids, rows)

    def _push(self, told: str, pixels: list[Any], ids: tuple[int, ...], rows: pd.DataFrame) -> Step:
        before = object_table.rows(self.table, ids)
        step = Step(told, pixels, ids, before, rows)
        self._done.append(step)
        self._undone.clear()
        self._put(ids, rows)
        return step

    def _put(self, ids: tuple[int, ...], rows: pd.DataFrame) -> None:
        table = self.table
        if len(rows) or len(object_table.rows(table, ids)):  # napari is slow to take a table
            self.layer.features = object_table.put(table, ids, rows)

    # -- taking back ------------------------------------------------------------------------------

    def undo(self) -> str | None:
        """Take the last step back and say what it was; None when there is none."""
        self.sync()
        if not self._done:
            return None
        return self._move(self._done, self._undone, back=True)

    def redo(self) -> str | None:
        """Do again what was taken back last."""
        self.sync()
        if not self._undone:
            return None
        return self._move(self._undone, self._done, back=False)

    def _move(self, source: list[Step], target: list[Step], back: bool) -> str:
        step = source.pop()
        target.append(step)
        self._restore(step, back)
        return step.told

    def _restore(self, step: Step, back: bool) -> None:
        """Make pixels and rows what they were before a step, or after it."""
        if step.pixels:
            self._busy = True
            try:
                if not step.forgotten:
                    (self.layer.undo if back else self.layer.redo)()
                    step.forgotten = not self._stands(step, before=back)
                if step.forgotten:
                    self._replay(step, back)
            finally:
                self._busy = False
        self._put(step.ids, step.before if back else step.after)

    def _replay(self, step: Step, back: bool) -> None:
        for where, mask, before, after in _atoms(step.pixels, reverse=back):
            values = before if back else after
            if mask is None:
                self.layer.data[where] = values
            else:
                region = np.asarray(self.layer.data[where])
                region[mask] = values
                self.layer.data[where] = region
        self.layer.refresh()

    # -- following what others do -------------------------------------------------------------

    def sync(self, told: str = "") -> None:
        """Take in what was painted, undone or redone without us.

        What napari's own tools painted was done by hand; of other writes, the caller may know,
        and tell what they were.
        """
        if self._busy:
            return
        if self.layer.data is not self._data:
            self.forget()
            self._changed()
            return
        moved = bool(self._waiting)
        waiting, self._waiting = self._waiting, []
        for pixels in waiting:
            ids = _ids(pixels)
            painted = hasattr(pixels[0], "slice_key")
            what = "Painted by hand." if painted else told or "Wrote labels."
            self._push(what, pixels, ids, self._describe(ids, painted or bool(told)))
        moved = self._follow_undo() or moved
        moved = self._follow_redo() or moved
        if moved:
            self._changed()

    def _follow_undo(self) -> bool:
        """See whether napari took the last written step back."""
        last = next((k for k in reversed(range(len(self._done))) if self._done[k].pixels), None)
        if last is None or not self._stands(self._done[last], before=True):
            return False
        while len(self._done) > last:
            step = self._done.pop()
            self._undone.append(step)
            self._put(step.ids, step.before)
        return True

    def _follow_redo(self) -> bool:
        first = next(
            (k for k in reversed(range(len(self._undone))) if self._undone[k].pixels), None
        )
        if first is None or not self._stands(self._undone[first], before=False):
            return False
        while len(self._undone) > first:
            step = self._undone.pop()
            self._done.append(step)
            self._put(step.ids, step.after)
        return True

    def _stands(self, step: Step, *, before: bool) -> bool:
        """Whether the pixels of a step are as before it, or as after it."""
        atoms = list(_atoms(step.pixels))
        where, mask, old, new = atoms[0] if before else atoms[-1]
        found = np.asarray(self.layer.data[where])
        return bool(np.all((found if mask is None else found[mask]) == (old if before else new)))

    def _painted(self, event: Any) -> None:
        # napari tells of it before the pixels change, so it is taken in later.
        self._waiting.append(list(event.value))
        if not self._busy:
            self._later(self.sync)

    def _refreshed(self, event: Any = None) -> None:
        if not self._waiting:
            self.sync()


def _atoms(pixels: list[Any], reverse: bool = False) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Read what napari keeps of a step: where, which of it, values before and after."""
    for atom in reversed(pixels) if reverse else pixels:
        if hasattr(atom, "slice_key"):
            yield atom.slice_key, atom.mask, atom.old_values, atom.new_value
        else:
            indices, before, after = atom
            yield indices, None, before, after


def _ids(pixels: list[Any]) -> tuple[int, ...]:
    found: set[int] = set()
    for _, _, before, after in _atoms(pixels):
        found |= {int(i) for i in np.unique(before)} | {int(i) for i in np.unique(after)}
    return tuple(sorted(found - {0}))
