"""The journal of one layer as it grows, is made short, is given up and ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_sam.labels import entries
from napari_sam.labels.compact import take_place
from napari_sam.labels.journal import Journal, JournalEntry
from napari_sam.ui.labels_layer import shelf

_LONG = 8_000_000  # bytes of a journal that is read in a few seconds
_GROWN = 4  # times as long as when it was short: so making it short never takes much of the time


@dataclass(eq=False)
class JournalFile:
    """The journal of a recorder: how to make it, and itself once it is made.

    ``short`` is how many bytes it had when it was made short last, ``begun`` how many when its
    labels began to be told anew; None once all is told.
    """

    make: Callable[[], shelf.Held]
    held: shelf.Held | None = None
    journal: Journal | None = None
    short: int = 0
    begun: int | None = None

    @property
    def long(self) -> bool:
        """Whether it pays to make it short."""
        size = 0 if self.journal is None else self.journal.size
        return size > max(_LONG, _GROWN * self.short)

    def append(self, entry: JournalEntry) -> Journal:
        """Write an entry behind the others; it is safe once the journal is in step."""
        if self.journal is None:
            self.held = self.held or self.make()
            self.journal = Journal(self.held.path)
        if entry.kind == entries.BEGUN and self.begun is None:
            self.begun = self.journal.size
        self.journal.append(entry)
        if entry == entries.READY:
            self.begun = None
        return self.journal

    def give_up(self) -> None:
        """Leave on the disk what was told whole; the rest would only take up room."""
        journal, self.journal = self.journal, None
        if journal is not None:
            with contextlib.suppress(OSError):  # that is why it is given up
                journal.close()
            with contextlib.suppress(OSError):
                if self.begun is not None:
                    os.truncate(journal.path, self.begun)
        self.begun = None

    def replace(self, journal: Journal, made: tuple[Path, int] | None, stop: int) -> None:
        """Take a shorter file, if one was made, for what the journal holds up to byte `stop`."""
        self.short = journal.size  # what cannot be made shorter is not tried again soon
        if made is None:
            return
        journal.sync()
        journal.close()
        self.journal = None  # and is opened again for the next entry
        take_place(made[0], journal.path, stop)
        self.short = made[1]

    def end(self, unsaved: bool) -> None:
        """Write what is left; the file stays if it holds what is unsaved."""
        try:
            if self.journal is not None:
                self.journal.sync()
                self.journal.close()
        finally:
            self.give_up()
            if self.held is not None and unsaved:
                self.held.release()
            elif self.held is not None:
                self.held.delete()
