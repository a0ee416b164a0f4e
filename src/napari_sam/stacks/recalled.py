"""One object followed by a model's memory, a slice at each call, for callers that cannot wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from napari_sam.models.model import Model
from napari_sam.prompts import Prompt
from napari_sam.stacks.crops import Others, Slices
from napari_sam.stacks.following import Step
from napari_sam.stacks.recall import Encode, Recall, encode
from napari_sam.stacks.shown import Shown
from napari_sam.stacks.spans import Spans


class Recalled:
    """Carries one object as `napari_sam.stacks.carry.Carry` does, by a model's memory.

    What a person says between two slices is heard: ways that it does not touch are not gone
    again, the one that is under way begins anew.

    Parameters
    ----------
    stack, model, rgb, limits, others, own, encode
        See `napari_sam.stacks.recall.Recall`.

    Attributes
    ----------
    absent : set of int
        Slices on which the object is not, though it is on both sides.
    fraction : float
        How much is done, 0 to 1, as far as that can be told.
    """

    def __init__(
        self,
        stack: Any,
        model: Model,
        *,
        rgb: bool | None = None,
        limits: tuple[float, float] | None = None,
        others: Any = None,
        own: int = 0,
        encode: Encode = encode,
    ) -> None:
        how: dict[str, Any] = {"rgb": rgb, "limits": limits, "others": others, "own": own}
        self.model, self._recall = model, Recall(stack, model, encode=encode, **how)
        self.absent: set[int] = set()
        self.fraction = 0.0
        self._last, self._divided = self._recall.last, self._recall.last + 1
        self._going: Iterator[Any] | None = None

    @property
    def _spans(self) -> Spans[Prompt]:
        return self._recall.objects.setdefault(1, Spans(self._recall.slices.depth))

    def take(self, model: Model) -> bool:
        """Go on with a model; False for another one, which does not remember the same."""
        return model is self.model

    def limit(self, first: int, last: int) -> None:
        """Say beyond which slices the object is not followed."""
        self._last = last
        known, last = self._recall, min(last, self._divided - 1)
        if first < known.first:
            self._spans.reopen(below=True)
        if last > known.last:
            self._spans.reopen(below=False)
        if (first, last) != (known.first, known.last):
            known.first, known.last = first, last
            self._going = None

    def divide(self, at: int | None) -> None:
        """Say from which frame on its daughters are there instead, or that it does not divide."""
        self._divided = self.slices.depth if at is None else at
        self.limit(self._recall.first, self._last)

    @property
    def slices(self) -> Slices:
        """What it is followed through."""
        return self._recall.slices

    @property
    def others(self) -> Others | None:
        """Objects that are there already."""
        return self._recall.others

    @property
    def shown(self) -> list[int]:
        """The slices that a person showed the object on."""
        return sorted(self._spans.shown)

    @property
    def steps(self) -> dict[int, Step]:
        """What is known so far, by slice."""
        return {z: step for z, step in self._recall.steps().items() if z not in self.absent}

    def show(self, index: int, what: Shown, score: float | None = None) -> None:
        """Say where the object is on a slice, for the first time or again."""
        self._recall.show(index, what, score=1.0 if score is None else score)
        self._going = None

    def forget(self, index: int) -> None:
        """Take back what was shown on a slice."""
        self._recall.forget(index)
        self._going = None

    @property
    def done(self) -> bool:
        """Whether nothing is left to be found."""
        return not self._spans.todo()

    def advance(self) -> None:
        """Look at one more slice."""
        if self._going is None:
            self._going = self._recall.visits(self._report)
        going, self._going = self._going, None  # what was stopped cannot be gone on with
        if next(going, None) is not None:
            self._going = going

    def _report(self, fraction: float) -> None:
        self.fraction = fraction
