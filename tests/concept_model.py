"""A model that knows three words for bright discs: disc, large and small."""

from __future__ import annotations

from typing import Any

from scipy import ndimage as ndi

from fake_model import FakeModel
from napari_sam.models.capabilities import ConceptAnswer
from napari_sam.progress import Progress, silent
from napari_sam.regions import Region


class ConceptModel(FakeModel):
    """Discs that are meant score 0.9, others 0.3."""

    twice = False

    def __init__(self, name: str = "words") -> None:
        super().__init__(name)
        self.asked: list[tuple[str, Any, Any]] = []

    @property
    def concepts(self) -> ConceptModel:
        return self

    def find_concept(
        self,
        embedding: Any,
        text: str = "",
        *,
        boxes: Any = None,
        labels: Any = None,
        min_score: float = 0.3,
        progress: Progress = silent,
    ) -> list[ConceptAnswer]:
        self.asked.append((text, boxes, labels))
        progress(0.5)
        labelled, count = ndi.label(embedding.features)
        found = []
        for number in range(1, count + 1):
            region = Region.of(labelled == number)
            large = region.area > 200
            meant = not (("large" in text and not large) or ("small" in text and large))
            score = 0.9 if meant else 0.3
            found += [
                ConceptAnswer(score - shift, region) for shift in (0.0, 0.2)[: 1 + self.twice]
            ]
        progress(1.0)
        kept = [one for one in found if one.score > min_score]
        return sorted(kept, key=lambda one: -one.score)
