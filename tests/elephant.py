"""A model that remembers where objects were last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from scipy import ndimage as ndi

from fake_model import FakeModel
from napari_sam.models.capabilities import Followed
from napari_sam.models.embedding import Embedding
from napari_sam.prompts import Prompt
from napari_sam.segmentation import Candidates


class Elephant(FakeModel):
    """Remembers where an object was last, and finds what overlaps it."""

    def __init__(self) -> None:
        super().__init__("elephant")
        self.shown: list[tuple[int, str]] = []

    @property
    def memory(self) -> Elephant:
        return self

    def begin(self, count: int) -> Trunk:
        return Trunk(self)


class Trunk:
    """One recollection of an `Elephant`."""

    def __init__(self, model: Elephant) -> None:
        self.model = model
        self.last: dict[int, np.ndarray] = {}

    def tell(
        self, at: int, embedding: Embedding, prompts: Mapping[int, Prompt]
    ) -> dict[int, Followed]:
        found = {}
        for number, prompt in prompts.items():
            self.model.shown.append((at, "told"))
            mask = prompt.mask
            if mask is None:
                mask = self.model.predict(embedding, prompt).masks[0]
            # what lies ahead of the way does not change where it is now
            self.last.setdefault(number, mask)
            found[number] = _followed(mask)
        return found

    def ask(self, at: int, embedding: Embedding, objects: Iterable[int]) -> dict[int, Followed]:
        found = {}
        self.model.shown.append((at, "asked"))
        labels, _ = ndi.label(embedding.features)
        for number in objects:
            under = labels[self.last[number] & (labels > 0)]
            mask = np.zeros(labels.shape, bool)
            if len(under):
                mask = labels == np.bincount(under).argmax()
                self.last[number] = mask
            found[number] = _followed(mask)
        return found


def _followed(mask: np.ndarray) -> Followed:
    height, width = mask.shape
    logits = np.where(mask, 4.0, -4.0).astype(np.float32)[None]
    scores = np.array([0.9], np.float32)
    candidates = Candidates(mask[None], scores, logits, (0, 0, height, width))
    return Followed(candidates, 0.99 if mask.any() else 0.01)
