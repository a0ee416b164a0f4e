"""The Labels layer that a search writes into piece by piece, while a person may work in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam.ui.labels_layer.layer_document import LayerDocument
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    from napari.layers import Labels


class GrowingLabels:
    """Labels that grow: a layer that is there, or a new one, which is shown with its first piece.

    Parameters
    ----------
    parts : Parts
    layer : Labels layer
    new : bool
        Whether it is not in the viewer yet.

    Attributes
    ----------
    layer : Labels layer
    new : bool
        Whether it is still to be shown.
    """

    def __init__(self, parts: Parts, layer: Labels, new: bool) -> None:
        self._ours, self._documents = parts.bench.ours, parts.documents
        self.layer, self.new = layer, new
        self._data = layer.data

    @property
    def busy(self) -> bool:
        """Whether a person's edit is being written just now."""
        return self._documents.busy(self.layer)

    def lost(self) -> str:
        """Say why nothing can be written any more; empty while it can."""
        if not self.new and not self._ours.there(self.layer):
            return "The layer was removed."
        return "" if self.layer.data is self._data else "The layer has other labels now."

    def document(self) -> LayerDocument:
        """Return the document to write into.

        It is kept as long as its layer is in the viewer: show a new one right after writing.
        """
        return self._documents.of(self.layer, empty=self.new)

    def show(self) -> bool:
        """Put a new layer below the others; tell whether it was new."""
        new, self.new = self.new, False
        if new:
            self._ours.add_beneath(self.layer)
        return new
