"""One history per Labels layer, whichever page writes into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_sam.ui.labels_layer.editing import Editing
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Labels


class Histories:
    """Opens an `Editing` for a layer when somebody first writes into it.

    Parameters
    ----------
    bench : Workbench
    changed : callable
        Called when a layer was changed in a way that its page did not ask for.
    """

    def __init__(self, bench: Workbench, changed: Callable[[], None]) -> None:
        self._bench = bench
        self._changed = changed
        self._open: list[Editing] = []

    def known(self, layer: Labels | None) -> Editing | None:
        """Return the editing of a layer if there is one."""
        return next((editing for editing in self._open if editing.layer is layer), None)

    def of(self, layer: Labels) -> Editing:
        """Return the editing of a layer, opening it when there is none."""
        editing = self.known(layer)
        if editing is None:
            editing = Editing(self._bench, layer, self._changed)
            self._open.append(editing)
        return editing

    def layers_changed(self) -> None:
        """Let go of layers that are no longer in the viewer."""
        for editing in [e for e in self._open if e.layer not in self._bench.viewer.layers]:
            editing.close()
            self._open.remove(editing)

    def close(self) -> None:
        """Let go of all layers."""
        for editing in self._open:
            editing.close()
        self._open.clear()
