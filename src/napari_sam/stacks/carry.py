"""One object carried through a stack or movie, slice by slice, from where a person showed it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from napari_sam.errors import PromptError
from napari_sam.models.model import Model
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Prompt
from napari_sam.regions import Region
from napari_sam.stacks.bridging import follow_over
from napari_sam.stacks.crops import Others, Slices
from napari_sam.stacks.ending import OVER_TIME, THROUGH_SLICES
from napari_sam.stacks.following import SeenOnSlice, Step, drawn, looks_of
from napari_sam.stacks.gaps import meet
from napari_sam.stacks.haze import reach_of
from napari_sam.stacks.next_slice import Drawn
from napari_sam.stacks.paring import Paring
from napari_sam.stacks.passes import Outwards, Own, Pass, own_slices
from napari_sam.stacks.shown import Shown
from napari_sam.stacks.spans import Span, spans_of


class Carry:
    """Carries one object from the slices where it was shown to all others.

    Results come one by one and are kept: work that is stopped goes on where it was, and a slice
    that is shown again changes only what depends on it, the slices up to the next shown ones.

    Parameters
    ----------
    stack : (Z, H, W) or (Z, H, W, C) array, or `napari_sam.images.PlaneStack`
        Slices or frames, NumPy, dask or zarr. Only windows around the object are read, and the
        whole slices that a person prompted.
    model : Model
        May be exchanged for another one at any time.
    rgb : bool, optional
        Whether the last axis is colour; guessed from the shape by default.
    limits : (low, high), optional
        Contrast limits; by default those of the first slice that was shown.
    others : (Z, H, W) integer array, or PlaneStack, optional
        Objects that are there already, 0 where none is, read by windows as they are at that time.
        The object takes no pixel of theirs, and the model hears that they are not meant.
    own : int
        The number under which the object itself may be among them.
    over_time : bool
        Whether these are frames, in which an object stays until it leaves, dies or divides.
    step : float, optional
        Between slices, in widths of a pixel: tells where haze is, see `napari_sam.stacks.haze`.

    Attributes
    ----------
    first, last : int
        Ends set by hand. What was found beyond is there again when they are taken back.
    absent : set of int
        Slices on which the object is not, though it is on both sides.
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
        over_time: bool = False,
        step: float | None = None,
    ) -> None:
        reach = 0 if over_time else reach_of(step)
        self.slices = Slices(stack, rgb=rgb, limits=limits, reach=reach)
        self._over_time, self._rule = over_time, OVER_TIME if over_time else THROUGH_SLICES
        self.others = None if others is None else Others(others, self.slices, own)
        self.model = model
        self.first, self.last = 0, self.slices.depth - 1
        self.absent: set[int] = set()
        self._divided: int | None = None
        self._shown: dict[int, Step] = {}
        self._paring = Paring(self.slices, self._shown)
        self._passes: dict[tuple[int, int], Pass] = {}
        self._drawn: dict[int, tuple[Step, Drawn]] = {}
        self._outwards: dict[Span, Outwards] = {}
        self._between: dict[Span, dict[int, Step]] = {}

    def take(self, model: Model) -> bool:
        """Go on with a model; False for one with a memory, which follows in its own way."""
        self.model = model
        return model.memory is None

    def limit(self, first: int, last: int) -> None:
        """Say beyond which slices the object is not followed."""
        self.first, self.last = first, last

    def divide(self, at: int | None) -> None:
        """Say from which frame on its daughters are there instead, or that it does not divide.

        Until then it is there: no other end is looked for.
        """
        self._divided = at

    @property
    def shown(self) -> list[int]:
        """The slices that a person showed the object on."""
        return sorted(self._shown)

    @property
    def steps(self) -> dict[int, Step]:
        """What is known so far, by slice; where no end is certain yet, what is likely."""
        found: dict[int, Step] = {}
        for span, outwards in self._outwards.items():
            known = outwards.steps(self._reach(span), there=self._divides(span))
            found.update({step.index: self._pared(step, span) for step in known})
        for span, steps in self._between.items():
            found.update({z: self._pared(step, span) for z, step in steps.items()})
        found |= self._shown
        return {
            z: found[z]
            for z in sorted(found)
            if self.first <= z <= self.last and z not in self.absent
        }

    def show(self, index: int, what: Shown, score: float | None = None) -> Step:
        """Say where the object is on a slice, for the first time or again.

        Parameters
        ----------
        index : int
            The slice.
        what : Prompt, Region or (H, W) bool array
            A prompt is answered by the model; a region or a mask is taken as it is.
        score : float, optional
            How certain a region or mask is, 1 by default.

        Returns
        -------
        Step

        Raises
        ------
        PromptError, ParameterError
        """
        self.slices.check(index)
        step = self._answer(index, what, score)
        self.forget(index)
        self._shown[index] = step
        self._tidy()
        return step

    def forget(self, index: int) -> None:
        """Take back what was shown on a slice."""
        if self._shown.pop(index, None) is not None:
            for way in (1, -1):
                self._passes.pop((index, way), None)
            self._tidy()

    def _tidy(self) -> None:
        """Let go of what lies between slices that are no longer neighbours."""
        spans = set(spans_of(self._shown))
        self._outwards = {s: o for s, o in self._outwards.items() if s in spans}
        self._between = {s: o for s, o in self._between.items() if s in spans}

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
        while True:
            progress(self.fraction)
            news = self.advance()
            if news is None:
                break
            yield from news
        progress(1.0)

    def advance(self) -> list[Step] | None:
        """Look at one more slice, of the way that has come least far.

        Returns
        -------
        list of Step or None
            What is certain by that, maybe nothing yet; None when all is done.

        Raises
        ------
        PromptError
            When the object was shown nowhere.
        """
        if not self._shown:
            raise PromptError("Show the object on one slice at least: a prompt or a mask.")
        open_spans = self._open()
        if not open_spans:
            return None
        ready = [span for span in open_spans if self._ready(span)]
        span = min(ready, key=self._followed)
        low, high = span
        if low is None or high is None:
            news = self._outward(span).advance(self._follow, self._reach(span))
            return [self._pared(step, span) for step in news]
        for along in self._unheard(low, high)[:1]:
            along.go_on(self._follow)
        if self._unheard(low, high):
            return []
        both = self._pass(low, 1), self._pass(high, -1)
        steps = self._between[span] = meet(*both, self._rule, self.others)
        return [self._pared(step, span) for step in steps.values()]

    @property
    def done(self) -> bool:
        """Whether nothing is left to be found."""
        return not self._open()

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1, as far as that can be told."""
        done = [1.0 if self._done(span) else self._share(span) for span in spans_of(self._shown)]
        return float(np.mean(done)) if done else 0.0

    def _pared(self, step: Step, span: Span) -> Step:
        """Take away the rim of the object; frames have no light of others."""
        return step if self._over_time else self._paring.pare(step, span)

    # -- what is found between shown slices, and beyond them -------------------------------------

    def _open(self) -> list[Span]:
        return [span for span in spans_of(self._shown) if not self._done(span)]

    def _pass(self, start: int, way: int) -> Pass:
        return self._passes.setdefault((start, way), Pass(self._shown[start], way))

    @property
    def _largest(self) -> int:
        """The shown slice with most of the object."""
        return max(self.shown, key=lambda z: self._shown[z].region.area)

    def _unheard(self, low: int, high: int) -> list[Pass]:
        """Return the ways from one shown slice to the next that have not come far enough.

        From the largest one outwards also the shown slice itself is looked at: how the object
        looks there is known only from the slice before it.
        """
        forth = high if low >= self._largest else high - 1
        back = low if high <= self._largest else low + 1
        ways = (self._pass(low, 1), forth), (self._pass(high, -1), back)
        return [along for along, goal in ways if not along.reaches(goal)]

    def _outward(self, span: Span) -> Outwards:
        low, high = span
        if span not in self._outwards:
            along = self._pass(high, -1) if high is not None else self._pass(low or 0, 1)
            self._outwards[span] = Outwards(along, self._rule, self._own(along))
        return self._outwards[span]

    def _own(self, along: Pass) -> Own:
        """Tell what the object is like, from where it is largest to the outermost shown slice."""
        largest = self._largest
        chain = [z for z in self.shown if (z - largest) * along.way >= 0][:: along.way]
        passes = [self._pass(z, along.way) for z in chain]
        return own_slices(passes, partial(drawn, self.slices))

    def _done(self, span: Span) -> bool:
        low, high = span
        if low is not None and high is not None:
            return span in self._between and not self._unheard(low, high)
        if self._divides(span) and low is not None:
            return self._pass(low, 1).reaches(self._reach(span))
        return self._ready(span) and self._outward(span).done(self._reach(span))

    def _ready(self, span: Span) -> bool:
        """Whether a span can be looked at: its end is told by what is known between shown ones."""
        if None not in span or span in self._outwards:
            return True
        return all(self._done(gap) for gap in pairwise(self.shown))

    def _reach(self, span: Span) -> int:
        """Return the slice up to which a span is looked at where it has no end."""
        if self._divided is not None and self._divides(span):
            return min(self.last, self._divided - 1)
        return self.first if span[0] is None else self.last

    def _divides(self, span: Span) -> bool:
        """Whether the end of a span is that the object divides."""
        return self._divided is not None and span[1] is None

    def _followed(self, span: Span) -> int:
        """Count the slices of a span that were looked at."""
        low, high = span
        ways = ([(low, 1)] if low is not None else []) + ([(high, -1)] if high is not None else [])
        return sum(len(self._passes[way].seen) for way in ways if way in self._passes)

    def _share(self, span: Span) -> float:
        low = self.first if span[0] is None else span[0]
        high = self.last if span[1] is None else span[1]
        both = 2 if None not in span else 1
        return min(self._followed(span) / max(both * (high - low), 1), 1.0)

    def _follow(self, start: Step, before: int, region: Region, index: int) -> list[SeenOnSlice]:
        looks = None if self._over_time else self._looks_of(start)
        return follow_over(
            self.slices, self.model, before, region, index, self.others, looks, self._over_time
        )

    def _looks_of(self, start: Step) -> Drawn:
        """Return how the object was drawn on a slice, looked at once."""
        known = self._drawn.get(start.index)
        if known is None or known[0] is not start:
            known = self._drawn[start.index] = start, looks_of(self.slices, start)
        return known[1]

    def _answer(self, index: int, what: Shown, score: float | None) -> Step:
        if isinstance(what, Prompt):
            pixels = self.slices.look_at(index)
            found = self.model.predict(self.model.encode(pixels, limits=self.slices.limits), what)
            what, score = found.regions[0], float(found.scores[0])
        region = self.slices.region(index, what)
        if self.slices.limits is None:
            self.slices.look_at(index)
        return Step(index, region, 1.0 if score is None else score)
