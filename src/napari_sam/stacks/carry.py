"""One object carried through a stack or movie, slice by slice, from where a person showed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam import checks
from napari_sam.errors import ParameterError, PromptError
from napari_sam.models.model import Model
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Prompt
from napari_sam.regions import Region
from napari_sam.stacks.crops import Slices, Window
from napari_sam.stacks.ending import PRESENCE, End, Watch
from napari_sam.stacks.following import NOBODY, Step, follow

Span = tuple[int | None, int | None]
"""Two shown slices and what lies between; None where the object is followed to its end."""


class Carry:
    """Carries one object from the slices where it was shown to all others.

    Results come one by one and are kept, so that work which is stopped goes on where it was, and
    a slice that is shown again changes only what depends on it: the slices up to the next shown
    ones.

    Parameters
    ----------
    stack : (Z, H, W) or (Z, H, W, C) array
        Slices or frames, NumPy, dask or zarr. Only windows around the object are read, and the
        whole slices that a person prompted.
    model : Model
    rgb : bool, optional
        Whether the last axis is colour; guessed from the shape by default.
    limits : (low, high), optional
        Contrast limits; by default those of the first slice that was shown.

    Attributes
    ----------
    steps : dict of int to Step
        What is known so far, by slice.
    first, last : int
        Slices beyond which the object is not followed: an end set by hand.
    """

    def __init__(
        self,
        stack: Any,
        model: Model,
        *,
        rgb: bool | None = None,
        limits: tuple[float, float] | None = None,
    ) -> None:
        self.slices = Slices(stack, rgb=rgb, limits=limits)
        self.model = model
        self.steps: dict[int, Step] = {}
        self.first, self.last = 0, self.slices.depth - 1
        self._shown: set[int] = set()
        self._done: set[Span] = set()

    @property
    def shown(self) -> list[int]:
        """The slices that a person showed the object on."""
        return sorted(self._shown)

    def show(self, index: int, what: Prompt | npt.ArrayLike) -> Step:
        """Say where the object is on a slice, for the first time or again.

        Parameters
        ----------
        index : int
            The slice.
        what : Prompt or (H, W) bool array
            A prompt is answered by the model; a mask is taken as it is.

        Returns
        -------
        Step

        Raises
        ------
        PromptError, ParameterError
        """
        if not 0 <= index < self.slices.depth:
            raise ParameterError(
                f"There is no slice {index}: the stack has {self.slices.depth}, counted from 0."
            )
        step = self._answer(index, what)
        self.forget(index)
        self._shown.add(index)
        self.steps[index] = step
        self._drop_around(index)
        return step

    def forget(self, index: int) -> None:
        """Take back what was shown on a slice."""
        if index in self._shown:
            self._drop_around(index)
            self._shown.discard(index)
            self.steps.pop(index, None)
            self._drop_around(index)

    def run(self, progress: Progress = silent) -> Iterator[Step]:
        """Find the object on every slice that is not known yet.

        Parameters
        ----------
        progress : callable
            Called with 0..1 before every slice; raise `Cancelled` from it to stop. What was
            found stays in `steps`, and the next run goes on from there.

        Yields
        ------
        Step
            The slices as they become certain, from the shown ones outwards. Where the object
            ends is known only some slices later, so a few come together.

        Raises
        ------
        PromptError
            When the object was shown nowhere.
        """
        if not self._shown:
            raise PromptError("Show the object on one slice at least: a prompt or a mask.")
        todo = [span for span in self._spans() if span not in self._done]
        for done, span in enumerate(todo):

            def report(fraction: float, done: int = done) -> None:
                progress((done + fraction) / len(todo))

            low, high = span
            if low is not None and high is not None:
                yield from self._between(low, high, report)
            elif low is not None:
                yield from self._outwards(low, 1, report)
            elif high is not None:
                yield from self._outwards(high, -1, report)
            self._done.add(span)
        progress(1.0)

    def _answer(self, index: int, what: Prompt | npt.ArrayLike) -> Step:
        if isinstance(what, Prompt):
            pixels = self.slices.look_at(index)
            found = self.model.predict(self.model.encode(pixels, limits=self.slices.limits), what)
            region, score = Region.of(found.masks[0]), float(found.scores[0])
        else:
            mask = np.asarray(what) != 0
            if mask.shape != self.slices.plane:
                raise PromptError(
                    f"The mask of slice {index} has shape {mask.shape}, but slices have "
                    f"{self.slices.plane}."
                )
            if self.slices.limits is None:
                self.slices.look_at(index)
            region, score = Region.of(mask), 1.0
        if not region.area:
            raise PromptError(
                f"There is no object on slice {index}: the mask is empty. Click elsewhere, or "
                "paint some of the object."
            )
        return Step(index, region, score)

    def _spans(self) -> list[Span]:
        shown = self.shown
        return [(None, shown[0]), *pairwise(shown), (shown[-1], None)]

    def _drop_around(self, index: int) -> None:
        """Drop what was found between a slice and the shown ones on both sides."""
        below = max((z for z in self._shown if z < index), default=-1)
        above = min((z for z in self._shown if z > index), default=self.slices.depth)
        for z in range(below + 1, above):
            if z not in self._shown:
                self.steps.pop(z, None)
        self._done = {
            (low, high)
            for low, high in self._done
            if not (
                (-1 if low is None else low) < above
                and below < (self.slices.depth if high is None else high)
            )
        }

    def _outwards(self, start: int, way: int, progress: Progress) -> Iterator[Step]:
        """Follow the object until it ends."""
        stop = self.last if way > 0 else self.first
        count = (stop - start) * way
        step = self.steps[start]
        watch, end = Watch(step.region.area), End()
        pending: list[Step] = []
        for n in range(1, count + 1):
            progress((n - 1) / count)
            index = start + n * way
            seen = follow(self.slices, self.model, index - way, step.region, index)
            if seen is None:
                break
            signs = watch.signs(seen)
            step = Step(index, seen.region, seen.score, signs)
            pending.append(step)
            certain = end.hear(float(PRESENCE.log_odds(signs)))
            for known in pending[:certain]:
                self.steps[known.index] = known
                yield known
            pending = pending[certain:]
            if end.over:
                break

    def _between(self, low: int, high: int, progress: Progress) -> Iterator[Step]:
        """Fill a gap from both ends: the object is there, as it was shown on both sides."""
        there: list[dict[int, Step]] = []
        total = 2 * (high - low - 1)
        for start, stop, way in ((low, high, 1), (high, low, -1)):
            step = self.steps[start]
            found: dict[int, Step] = {}
            for index in range(start + way, stop, way):
                progress((len(found) + len(there) * (high - low - 1)) / total)
                seen = follow(self.slices, self.model, index - way, step.region, index)
                if seen is None:
                    break
                step = found[index] = Step(index, seen.region, seen.score)
            there.append(found)
        for index in range(low + 1, high):
            both = [found.get(index) for found in there]
            step = _meet(both[0], both[1], (index - low) / (high - low), index)
            self.steps[index] = step
            yield step


def _meet(first: Step | None, second: Step | None, fraction: float, index: int) -> Step:
    """Combine what came from both ends: the nearer a shown slice, the more it counts."""
    if first is None or second is None:
        return first or second or Step(index, NOBODY, float("nan"))
    r0, c0, r1, c1 = (
        pick(a, b)
        for pick, a, b in zip(
            (min, min, max, max), first.region.box, second.region.box, strict=True
        )
    )
    window = Window(r0 - 1, c0 - 1, (r1 - r0 + 2, c1 - c0 + 2))
    depth = np.zeros(window.shape)
    for step, share in ((first, 1 - fraction), (second, fraction)):
        mask = window.mask(step.region)
        depth += share * (ndi.distance_transform_edt(mask) - ndi.distance_transform_edt(~mask))
    region = window.region(depth > 0)
    score = (1 - fraction) * first.score + fraction * second.score
    if not region.area:
        return first if fraction < 0.5 else second
    return Step(index, region, score)


def show_all(carry: Carry, prompts: Mapping[int, Prompt | npt.ArrayLike]) -> None:
    """Show an object on several slices, in their order."""
    if not isinstance(prompts, Mapping) or not prompts:
        raise PromptError("Give at least one slice: {index: Prompt or mask}.")
    shown = {checks.whole(at, "A slice", error=PromptError): one for at, one in prompts.items()}
    for index in sorted(shown):
        carry.show(index, shown[index])
