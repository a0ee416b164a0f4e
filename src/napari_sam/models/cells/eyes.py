"""What a plane is seen with."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from napari_sam.models.cells.int8 import Int8Reader
from napari_sam.models.cells.network import CellsNetwork, Features
from napari_sam.models.cells.readers import Reader

__all__ = ["Eyes"]


@dataclass(frozen=True, eq=False)
class Eyes:
    """A network, and what is known of the objects that it is shown.

    Parameters
    ----------
    network : CellsNetwork
        Answers prompts.
    reader : Reader
        The same in the products in which planes are read.
    usual : float, optional
        Diameter in pixels of the objects that a person has shown.
    """

    network: CellsNetwork
    reader: Reader
    usual: float | None = None

    def look(self, image: Tensor) -> Features:
        """Encode a window (1, 1 or 3, H, W) in which prompts are answered.

        In 8 bits, where planes are read so, which loses nothing there either; else in float32.
        """
        if isinstance(self.reader, Int8Reader):
            return self.reader.as_numbers(self.reader.encode(image))
        return self.network.encode(image)
