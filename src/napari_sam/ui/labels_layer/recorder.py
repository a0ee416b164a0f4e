"""Writes down what happens to one Labels layer, so that a crash does not take it away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from napari_sam.labels import entries
from napari_sam.labels.change import Change
from napari_sam.labels.document import Event
from napari_sam.labels.journal import JournalEntry
from napari_sam.labels.levels import is_in_memory, pieces
from napari_sam.labels.steps import Steps
from napari_sam.labels.storage import gone
from napari_sam.labels.table import INDEX
from napari_sam.labels.witness import Way
from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.labels_layer.on_disk import place_of

if TYPE_CHECKING:
    from napari.layers import Image

_AT_ONCE = 4_000_000  # pixels that are copied between two events of the window
_FILLS = ("fill", "fill_free")  # after which a plane is copied, for no step tells what it holds


class Desk(Protocol):
    """What a recorder needs of its session."""

    def begin(self, recorder: Recorder, image: Image) -> bool:
        """Make a file for a recorder unless it has one; False while nothing can be written."""

    def write(
        self, recorder: Recorder, make: Callable[[], JournalEntry | None], size: int = 0
    ) -> None:
        """Write an entry soon, which is made in another thread; ``size`` bytes wait for it.

        None where it turns out that there is nothing to write.
        """

    def write_now(self, recorder: Recorder, make: Callable[[], JournalEntry | None]) -> Steps[None]:
        """Write an entry; ends when it is on the disk, or when nothing can be written there."""

    def later(self, recorder: Recorder, call: Callable[[], None]) -> None:
        """Make a call when the window and the disk have time."""

    def cannot(self, recorder: Recorder) -> None:
        """Tell the person that labels are not written down."""

    def image(self) -> Image | None:
        """Return the image that is worked on."""


class Recorder:
    """Listens to a document, and hands over what is to be written.

    Nothing is written before a first step: labels that are only looked at are not copied.

    Parameters
    ----------
    document : LayerDocument
    desk : Desk
    empty : bool
        Whether the labels are known to hold nothing yet.
    """

    def __init__(self, document: LayerDocument, desk: Desk, empty: bool) -> None:
        self.document = document
        self.unsaved = False
        self._desk = desk
        self._empty = empty
        self._begun = self._on_disk = self._refused = False
        self._base: Iterator[tuple[int | slice, ...]] | None = None  # what is yet to be copied
        self._announced: Change | None = None
        self._was_unsaved = False  # before that
        document.listen(self._happened)
        document.witness = self
        document.layer.events.features.connect(self._features_set)
        document.layer.save = self._save  # scripts save so

    def close(self) -> None:
        """Listen no more."""
        self.document.unlisten(self._happened)
        self.document.witness = None
        self.document.layer.events.features.disconnect(self._features_set)
        del self.document.layer.save
        self._tell_rest()

    def go_on(self, told: bool) -> None:
        """Go on with a journal, which tells of the labels as they are, or does not."""
        self._begun = self.unsaved = True
        if not told:
            self._begin(None, blank=False)

    def lost(self) -> bool:
        """Begin anew with the next event: not all was written; tell whether anything was to be."""
        begun, self._begun = self._begun, False
        self._base = self._announced = None
        return begun

    def again(self) -> None:
        """Tell the labels anew as they are by now."""
        if self._begun:
            return
        if self.document.under_way:  # what is half written tells itself when it is whole
            self._desk.later(self, self.again)
        else:
            self._begin(None, blank=False)

    def _save(self, path: str, plugin: str | None = None) -> list[str]:
        layer = self.document.layer
        paths = list(type(layer).save(layer, path, plugin))
        if paths:
            self.saved()
        return paths

    def saved(self) -> None:
        """The person has saved the labels as they are."""
        self.unsaved = self._was_unsaved = False
        if self._begun:
            self._write(lambda: entries.SAVED)

    # -- what is told ----------------------------------------------------------------------------

    def _happened(self, event: Event, change: Change | None) -> None:
        if event != "complete":
            self.unsaved = True
        if not self._still_to_tell(event, change):
            return
        self._empty = False
        if change is None:
            return
        if event in _FILLS:
            assert change.origin is not None
            assert change.origin.plane is not None
            if not self._on_disk:
                self._copy(change.origin.plane.slices)
        else:
            self._tell(event, change)

    def _still_to_tell(self, event: Event, change: Change | None) -> bool:
        """Begin a journal where this event needs one; False when that tells of the event, too.

        Empty labels are told as such, and then their first change; others are copied as they are
        by now, with the change in them.
        """
        if self._begun and event != "forget":
            return True
        first = change if event == "apply" and self._empty and not self._begun else None
        if not self._begin(first, blank=self._empty and event in ("apply", *_FILLS)):
            return False
        return first is not None or event in _FILLS

    def _tell(self, event: Event, change: Change) -> None:
        """Write what was done; of a change whose pixels `begins` told, that it was made."""
        copy = replace(change)  # a later event may give it other rows
        announced = change is self._announced and event != "complete"
        if announced:
            self._announced = None
        if announced and event == "apply":
            self._write(lambda: entries.made(copy))
        else:
            self._write(lambda: entries.happened(event, copy))

    def begins(self, way: Way, change: Change) -> Steps[None]:
        """Write down what is about to be written; half of it in a file needs it on the disk."""
        if not self._begun and not self._begin(None, blank=self._empty):
            return
        copy = replace(change)
        self._announced, self._was_unsaved = change, self.unsaved
        self.unsaved = True
        if self._on_disk:
            yield from self._desk.write_now(self, lambda: entries.begins(way, copy))
        else:
            self._write(lambda: entries.begins(way, copy))

    def stopped(self) -> None:
        if self._announced is not None:
            self._announced, self.unsaved = None, self._was_unsaved
            self._write(lambda: entries.STOPPED)

    def _begin(self, first: Change | None, blank: bool) -> bool:
        """Tell what the labels are, before their first change where there is one."""
        document, image = self.document, self._desk.image()
        pixels = document.sheet.pixels
        self._begun = False
        place = place_of(pixels)
        if image is None or (place is None and not is_in_memory(pixels)):
            self._empty = False
            # Of a file that is gone nothing is written, which is told to whoever tries.
            if image is not None and not self._refused and gone(pixels) is None:
                self._refused = True
                self._desk.cannot(self)
            return False
        if not self._desk.begin(self, image):
            self._empty = False
            return False
        table = document.table
        if first is not None and first.rows is not None:
            table = first.rows.revert(table)
        table = table.copy()
        about: dict[str, Any] = {
            "name": str(document.layer.name),
            entries.PLACE: place,
        }
        shape, dtype = pixels.shape, pixels.dtype
        self._begun, self._on_disk = True, place is not None
        self._write(lambda: entries.began(shape, dtype, table, about))
        if first is None:
            for undone, steps in ((False, document.log), (True, document.undone)):
                for step in map(replace, steps):
                    self._write(lambda s=step, u=undone: entries.logged(s, undone=u))  # type: ignore[misc]
        if blank or place is not None:  # what a file holds need not be copied
            self._base = None
            self._write(lambda: entries.READY)
        else:
            self._base = pieces(pixels.shape, entries.PIECE)
            self._desk.later(self, self._copy_next)
        return True

    # -- what the labels hold --------------------------------------------------------------------

    def _copy_next(self) -> None:
        """Copy some of the labels, and leave the rest for later."""
        if self._base is None:
            return
        if self.document.under_way:  # half of a change that may still be taken back
            self._desk.later(self, self._copy_next)
            return
        pixels, looked_at = self.document.sheet.pixels, 0
        for where in self._base:
            part = np.asarray(pixels[where])
            if part.any():
                self._copy(where)
            looked_at += part.size
            if looked_at >= _AT_ONCE:
                self._desk.later(self, self._copy_next)
                return
        self._base = None
        self._write(lambda: entries.READY)

    def _tell_rest(self) -> None:
        """Have the rest read where it is written: nobody here changes the labels any more."""
        if self._base is None:
            return
        pixels = self.document.sheet.pixels
        for where in self._base:
            self._write(lambda where=where: _content(pixels, where))  # type: ignore[misc]
        self._base = None
        self._write(lambda: entries.READY)

    def _copy(self, where: tuple[int | slice, ...]) -> None:
        """Write down what a part of the labels holds now."""
        corner, block = _block(self.document.sheet.pixels, where)
        self._write(lambda: entries.content(corner, block), block.nbytes)

    # -- rows that came without a step -----------------------------------------------------------

    def _features_set(self, event: Any = None) -> None:
        """Somebody has set the table; of what the document sets, it tells itself."""
        table = self.document.sheet.table
        if self._begun and not self.document.writes_table and INDEX in table:
            copy = table.copy()
            self._write(lambda: entries.rows(copy))

    def _write(self, make: Callable[[], JournalEntry | None], size: int = 0) -> None:
        self._desk.write(self, make, size)


def _block(
    pixels: Any, where: tuple[int | slice, ...]
) -> tuple[list[int], npt.NDArray[np.integer[Any]]]:
    """Copy a part of labels, with all axes, and tell where it begins."""
    whole = [at if isinstance(at, slice) else slice(at, at + 1) for at in where]
    return [at.start or 0 for at in whole], np.array(pixels[tuple(whole)])


def _content(pixels: Any, where: tuple[int | slice, ...]) -> JournalEntry | None:
    """Tell what a part of labels holds; None when that is nothing."""
    corner, block = _block(pixels, where)
    return entries.content(corner, block) if block.any() else None
