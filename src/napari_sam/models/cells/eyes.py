"""What a plane is seen with."""

from __future__ import annotations

from dataclasses import dataclass

from napari_sam.models.cells.network import CellsNetwork

__all__ = ["Eyes"]


@dataclass(frozen=True, eq=False)
class Eyes:
    """A network, and what is known of the objects that it is shown.

    Parameters
    ----------
    network : CellsNetwork
        Answers prompts.
    reader : CellsNetwork
        The same in the precision in which whole planes are read for the automatic mode.
    usual : float, optional
        Diameter in pixels of the objects that a person has shown.
    """

    network: CellsNetwork
    reader: CellsNetwork
    usual: float | None = None
