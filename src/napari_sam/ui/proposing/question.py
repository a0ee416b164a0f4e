"""What the model is asked: by that it is known whether an answer is still the right one."""

from __future__ import annotations

from dataclasses import dataclass

from napari_sam.prompts import Prompt
from napari_sam.ui.layers.shown import Shown


@dataclass(frozen=True, eq=False)
class Question:
    """What the model was asked: about what is shown, by which model, with which marks."""

    shown: Shown
    model: str
    marks: bytes
    prompts: tuple[Prompt, ...]

    def same(self, shown: Shown, model: str, marks: bytes) -> bool:
        return self.marks == marks and self.model == model and shown.view.same(self.shown.view)

    def same_but_pixels(self, other: Question) -> bool:
        """Whether nothing differs, except that the pixels may have changed in place."""
        mine, its = self.shown.view, other.shown.view
        return (self.marks, self.model, mine.plane, mine.limits) == (
            *(other.marks, other.model, its.plane, its.limits),
        ) and mine.image.finest is its.image.finest
