"""Hears of marks that are edited in layers, and tells what is new from what we do ourselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from napari_sam.ui.layers.label_grid import PLACE
from napari_sam.ui.layers.listening import Listening

# What tells that marks were edited: in the layers of points, of shapes and of a rough mask; and
# that some points of a layer of the person's were hidden.
_MARKS = ("data", "features", "visible", *PLACE)
_EVENTS = (
    _MARKS,
    _MARKS,
    ("data", "paint", "labels_update", "selected_label", "visible", *PLACE),
    ("set_data",),
)
_NEW = ("data", "paint")  # those that something was added by, moved or deleted


class Edits:
    """Follows the layers in which marks are read.

    Parameters
    ----------
    changed : callable
        Called when one was edited; both phases of an edit count.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        #: Called when the person has said something new.
        self.added: Callable[[], None] = lambda: None
        self.writing = False  # ourselves: nobody has to be told
        self._moving = False
        self._watched: tuple[Any, ...] = ()
        self._listening = Listening()

    def watch(self, layers: tuple[Any, ...]) -> bool:
        """Follow points, shapes, a rough mask, and points of the person's own.

        Returns
        -------
        bool
            False when they are followed already.
        """
        if layers == self._watched:
            return False
        self._watched = layers
        self._listening.stop()
        for layer, names in zip(layers, _EVENTS, strict=True):
            for name in names if layer is not None else ():
                emitter = getattr(layer.events, name, None)
                if emitter is not None:
                    self._listening.to(emitter, self._edited)
        return True

    def _edited(self, event: Any = None) -> None:
        if self.writing:
            return
        if not self._moving and getattr(event, "type", "") in _NEW:
            self.added()
        self._changed()

    @contextmanager
    def nothing_new(self) -> Iterator[None]:
        """Marks go or come back meanwhile: nothing new is said by that."""
        before, self._moving = self._moving, True
        try:
            yield
        finally:
            self._moving = before

    def stop(self) -> None:
        """Follow nothing any more."""
        self._listening.stop()
