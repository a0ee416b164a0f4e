"""Labels as they are at some moment: whether what was worked out from them is still true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_sam.labels.change import Change
from napari_sam.ui.labels_layer.layer_document import LayerDocument


@dataclass(frozen=True, eq=False)
class Moment:
    """What a layer held when something was begun; see `now`.

    A document goes on with whatever data its layer is given, so the data are remembered, too.
    """

    document: LayerDocument
    data: Any
    last: Change | None

    @classmethod
    def now(cls, document: LayerDocument) -> Moment:
        """Remember a layer as it is."""
        document.sync()
        return cls(document, document.layer.data, document.last)

    @property
    def stands(self) -> bool:
        """Whether nobody has changed the labels since."""
        self.document.sync()
        return self.document.layer.data is self.data and self.document.last is self.last
