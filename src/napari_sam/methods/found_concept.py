"""What a word or examples describe, kept so that options about it act at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from napari_sam.images import check_plane
from napari_sam.methods.concept_options import ConceptOptions
from napari_sam.methods.found import Choice
from napari_sam.methods.packed_masks import PackedMask
from napari_sam.methods.prompted import paint_answers
from napari_sam.segmentation import measure

if TYPE_CHECKING:
    from napari_sam.methods.method import Encoded, Method
    from napari_sam.models.capabilities import ConceptAnswer
    from napari_sam.pixel_size import PixelSize


@dataclass(frozen=True, eq=False)
class Meant:
    """An object that was meant.

    Parameters
    ----------
    region : PackedMask
    score : float
        How likely it is, 0 to 1.
    """

    region: PackedMask
    score: float


@dataclass(frozen=True, eq=False)
class FoundConcept:
    """All answers of a plane.

    Parameters
    ----------
    method : Method
    answers : tuple of Meant
        Best first.
    pixels : (H, W) or (H, W, 3) array
    source : str
        Name of the model, for the table.
    pixel_size : PixelSize or None
    options : ConceptOptions
        What they were asked for with.
    """

    method: Method[ConceptOptions]
    answers: tuple[Meant, ...]
    pixels: npt.NDArray[Any]
    source: str
    pixel_size: PixelSize | None
    options: ConceptOptions
    diameter: None = None

    @classmethod
    def of(
        cls,
        method: Method[ConceptOptions],
        answers: Sequence[ConceptAnswer],
        encoded: Encoded,
        options: ConceptOptions,
    ) -> FoundConcept:
        """Keep what a model answered."""
        kept = tuple(
            Meant(PackedMask.of(one.region.mask, one.region.top, one.region.left), one.score)
            for one in answers
        )
        pixels, size = check_plane(encoded.pixels), encoded.block.pixel_size
        return cls(method, kept, pixels, encoded.model.name, size, options)

    def choose(self, options: ConceptOptions) -> Choice:
        """Choose objects by the options; what was not kept cannot be chosen any more.

        Of objects that mostly cover each other the more likely one stays.
        """
        wanted = self.method.within_reach(self.options, options)
        most = float("inf") if wanted.max_area is None else wanted.max_area
        fitting = [
            one
            for one in self.answers
            if one.score >= wanted.min_score and wanted.min_area <= one.region.area <= most
        ]
        shape = (self.pixels.shape[0], self.pixels.shape[1])
        labels, kept = paint_answers(fitting, shape)
        scores = {number: fitting[place].score for number, place in enumerate(kept, start=1)}
        return Choice(
            labels,
            len(kept),
            lambda: measure(labels, self.pixels, scores, self.source, self.pixel_size),
        )
