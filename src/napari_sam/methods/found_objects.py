"""Everything found on one plane: candidates, of which any number is chosen without the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from napari_sam.images import Plane
from napari_sam.methods.found import Choice, Labels
from napari_sam.methods.method import Method
from napari_sam.methods.painting import paint, records
from napari_sam.methods.proposals import Proposal, Proposals
from napari_sam.methods.settings import Settings
from napari_sam.segmentation import Segmentation

if TYPE_CHECKING:
    import pandas as pd


class ChosenObjects(Choice):
    """Masks that may overlap; labels are painted when they are asked for.

    Parameters
    ----------
    chosen : list of Proposal
        The masks, best first.
    found : FoundObjects
        What they were chosen from.
    """

    def __init__(self, chosen: list[Proposal], found: FoundObjects) -> None:
        self.chosen = chosen
        self._found = found

    @cached_property
    def _painted(self) -> Segmentation:
        found = self._found
        return paint(self.chosen, found.proposals.shape, found.pixels, found.source)

    @property
    def labels(self) -> Labels:  # type: ignore[override]
        """Ids 1..n, (H, W), small objects on top of large ones."""
        return self._painted.labels

    @property
    def count(self) -> int:  # type: ignore[override]
        """How many objects are seen in the labels."""
        return len(self._painted)

    @property
    def table(self) -> pd.DataFrame:
        """A row per object, see `napari_sam.methods.painting.paint`."""
        return self._painted.table

    def records(self, *, rle: bool) -> Iterator[dict[str, Any]]:
        """Describe every mask, best first, one at a time.

        Parameters
        ----------
        rle : bool
            Masks as COCO's compressed run lengths instead of (H, W) bool arrays.

        Yields
        ------
        dict
            As the reference makes them; on a stack with the place as ``"plane"``.
        """
        proposals, position = self._found.proposals, self._found.plane.position
        for record in records(self.chosen, proposals.shape, proposals.crops, rle):
            yield {**record, "plane": position} if position else record


@dataclass(frozen=True, eq=False)
class FoundObjects:
    """Candidates of everything on one plane.

    Parameters
    ----------
    method : Method
    proposals : Proposals
    pixels : (H, W) or (H, W, 3) array
    source : str
        Name of the model, for the table.
    plane : Plane
    """

    method: Method[Settings]
    proposals: Proposals
    pixels: npt.NDArray[Any]
    source: str
    plane: Plane
    diameter: None = None

    def choose(self, options: Settings) -> ChosenObjects:
        """Choose masks by the options; what was not kept cannot be chosen any more."""
        reachable = self.method.within_reach(self.proposals.settings, options)
        return ChosenObjects(self.proposals.choose(reachable), self)
