"""Objects through a stack or movie by a model's memory: every slice is encoded once for all."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from napari_sam.errors import ModelError, PromptError
from napari_sam.models.capabilities import Followed, Recollection
from napari_sam.models.model import Embedding, Model
from napari_sam.progress import Progress, silent
from napari_sam.prompts import Placed, Prompt
from napari_sam.stacks.bridging import LostSlices, between, free_of
from napari_sam.stacks.crops import Others, Slices
from napari_sam.stacks.ending import End
from napari_sam.stacks.following import Step, nobody
from napari_sam.stacks.shown import Shown
from napari_sam.stacks.spans import Spans

_KEPT = 4  # embeddings of shown slices that are kept: some megabytes each

Encode = Callable[..., Embedding]
"""Called with a model, pixels and ``limits=``; returns their embedding."""


def encode(model: Model, pixels: Any, *, limits: tuple[float, float] | None) -> Embedding:
    """Encode a slice by the model itself, and keep nothing."""
    return model.encode(pixels, limits=limits)


@dataclass(eq=False)
class _Way:
    """One object on its way from a shown slice, towards another one or to its end.

    ``last`` is where it was seen last, ``unseen`` the slices since then that were lost.
    """

    number: int
    span: tuple[int | None, int | None]
    start: int
    stop: int
    open: bool
    end: End = field(default_factory=End)
    pending: list[list[Step]] = field(default_factory=list)
    over: bool = False
    last: Step | None = None
    unseen: list[int] = field(default_factory=list)

    def settle(self, steps: list[Step], presence: float) -> list[Step]:
        """Take in the next slice, after any lost ones; return what it is now certain they show."""
        if not self.open:
            return steps
        self.pending.append(steps)
        certain = self.end.hear(_log_odds(presence))
        known, self.pending = self.pending[:certain], self.pending[certain:]
        self.over = self.end.over
        return [step for some in known for step in some]


class Recall:
    """Carries objects from the slices where they were shown to all others, by a model's memory.

    Between two shown slices an object is followed from the first on, both being remembered;
    beyond them until it ends. So a slice that is shown again changes only what lies between it
    and the next shown ones; and what is remembered of an object does not grow with the stack.

    Parameters
    ----------
    stack : (Z, H, W) or (Z, H, W, C) array
        Slices or frames, NumPy, dask or zarr, read one by one.
    model : Model
        With a memory.
    rgb : bool, optional
        Whether the last axis is colour; guessed from the shape by default.
    limits : (low, high), optional
        Contrast limits; by default those of the first slice that was shown.
    others : (Z, H, W) integer array, optional
        Objects that are there already, 0 where none is: no pixel of theirs is taken.
    own : int
        The number under which the object itself may be among them.
    encode : callable
        Encodes a slice, for who keeps embeddings; see `Encode`.

    Attributes
    ----------
    objects : dict of int to Spans
        What was shown and is known so far, by the number of the object.
    first, last : int
        Slices beyond which no object is followed, and beyond which `steps` holds nothing.

    Raises
    ------
    ModelError
        When the model has no memory.
    LabelsError
        When the others do not lie on these slices.
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
        memory = model.memory
        if memory is None:
            raise ModelError(
                f"The model {model.name!r} has no memory for slices and frames; use Carry with it."
            )
        self.slices = Slices(stack, rgb=rgb, limits=limits)
        self.others = None if others is None else Others(others, self.slices, own)
        self.model, self._memory, self._encode = model, memory, encode
        self.objects: dict[int, Spans[Prompt]] = {}
        self.first, self.last = 0, self.slices.depth - 1
        self._kept: OrderedDict[int, Embedding] = OrderedDict()
        self._lost = LostSlices(self.slices)

    def show(self, index: int, what: Shown, number: int = 1, score: float = 1.0) -> Step:
        """Say where an object is on a slice, for the first time or again.

        Parameters
        ----------
        index : int
            The slice.
        what : Prompt, Region or (H, W) bool array
            A prompt is answered by the model; a mask is taken as it is.
        number : int
            Of the object.
        score : float
            How certain a mask is.

        Returns
        -------
        Step

        Raises
        ------
        PromptError, ParameterError
        """
        self.slices.check(index)
        if isinstance(what, Prompt):
            embedding = self._embedding(index, keep=True)
            told = self._memory.begin(self.slices.depth).tell(0, embedding, {0: what})[0]
            found = told.candidates
            region, score = self.slices.region(index, found.regions[0]), float(found.scores[0])
            prompt = what
        else:  # a slice may be read later, when somebody goes on from there
            region = self.slices.region(index, what)
            prompt = Prompt(mask=Placed(region, self.slices.plane))
            if self.slices.limits is None:
                self.slices.look_at(index)
        step = Step(index, region, score)
        spans = self.objects.setdefault(number, Spans(self.slices.depth))
        spans.show(index, prompt)
        spans.steps[index] = step
        return step

    def forget(self, index: int, number: int = 1) -> None:
        """Take back what was shown of an object on a slice."""
        if number in self.objects:
            self.objects[number].forget(index)

    def steps(self, number: int = 1) -> dict[int, Step]:
        """Return what is known of an object so far, by slice, from the first to the last."""
        spans = self.objects.get(number)
        known = {} if spans is None else spans.steps
        return {z: known[z] for z in sorted(known) if self.first <= z <= self.last}

    def run(self, progress: Progress = silent) -> Iterator[tuple[int, Step]]:
        """Find all objects on every slice that is not known yet.

        Parameters
        ----------
        progress : callable
            Called with 0..1 before every slice; raise `Cancelled` from it to stop. What was found
            is kept; spans that were not finished begin anew with the next run.

        Yields
        ------
        (int, Step)
            The number of an object and a slice, as it becomes certain.

        Raises
        ------
        PromptError
            When nothing was shown.
        """
        for news in self.visits(progress):
            yield from news

    def visits(self, progress: Progress = silent) -> Iterator[list[tuple[int, Step]]]:
        """Find all objects as `run` does; yields once per slice, with what is certain by it."""
        if not any(spans.shown for spans in self.objects.values()):
            raise PromptError("Show the object on one slice at least: a prompt or a mask.")
        ways = [list(self._ways(way)) for way in (1, -1)]
        visits = [_visits(part) for part in ways]
        total, seen = max(sum(map(len, visits)), 1), 0
        for direction, part, indices in zip((1, -1), ways, visits, strict=True):
            recollection = self._memory.begin(self.slices.depth)
            for index in indices:
                progress(min(seen / total, 1.0))
                seen += 1
                yield list(self._visit(index, direction, part, recollection))
        progress(1.0)

    def _ways(self, direction: int) -> Iterator[_Way]:
        """List what has to be followed in one direction."""
        for number, spans in self.objects.items():
            for span in spans.todo():
                low, high = span
                if direction > 0 and low is not None:
                    stop = self.last if high is None else high - 1
                    way = _Way(number, span, low, stop, open=high is None)
                elif direction < 0 and low is None and high is not None:
                    way = _Way(number, span, high, self.first, open=True)
                else:
                    continue
                if (way.stop - way.start) * direction > 0:
                    yield way
                else:
                    spans.done.add(span)

    def _visit(
        self, index: int, direction: int, ways: list[_Way], recollection: Recollection
    ) -> Iterator[tuple[int, Step]]:
        """Begin the ways that start on a slice, and go on with those that pass it."""
        passing = {
            key: way
            for key, way in enumerate(ways)
            if not way.over and min(way.start, way.stop) <= index <= max(way.start, way.stop)
        }
        starting = [key for key, way in passing.items() if way.start == index]
        if len(passing) > len(starting) and self._lost.holds(index, direction):
            yield from self._skip(index, [passing.pop(k) for k in set(passing) - set(starting)])
        if passing:
            embedding = self._embedding(index, keep=bool(starting))
        for key in starting:
            self._begin(key, passing.pop(key), embedding, direction, recollection)
        if passing:
            place = self._place(index, direction)
            for key, told in recollection.ask(place, embedding, passing).items():
                way = passing[key]
                spans = self.objects[way.number]
                found = self._beside_others(_step(index, told))
                for step in way.settle([*self._bridge(way, found), found], told.presence):
                    spans.steps[step.index] = step
                    yield way.number, step
        for way in ways:
            if way.over or way.stop == index:
                self.objects[way.number].done.add(way.span)

    def _begin(
        self, key: int, way: _Way, embedding: Embedding, direction: int, recollection: Recollection
    ) -> None:
        """Remember an object where it was shown, and where it is going."""
        way.last = self.objects[way.number].steps[way.start]
        shown = self.objects[way.number].shown
        recollection.tell(self._place(way.start, direction), embedding, {key: shown[way.start]})
        if not way.open:
            ahead = way.stop + 1
            there = self._embedding(ahead, keep=True)
            recollection.tell(self._place(ahead, direction), there, {key: shown[ahead]})

    def _skip(self, index: int, ways: list[_Way]) -> Iterator[tuple[int, Step]]:
        """Pass a slice that was lost; before a shown slice, an object is told by that."""
        for way in ways:
            way.unseen.append(index)
            if way.stop == index and not way.open:
                steps = self.objects[way.number].steps
                for step in self._bridge(way, steps[index + 1]):
                    steps[step.index] = step
                    yield way.number, step

    def _bridge(self, way: _Way, found: Step) -> list[Step]:
        """Tell where an object lies on slices that were lost before the one where it is seen."""
        steps = between(way.last or found, found, way.unseen, self.others)
        way.last, way.unseen = found, []
        return steps

    def _beside_others(self, step: Step) -> Step:
        region = free_of(self.others, step.index, step.region)
        return replace(step, region=region) if region.area else nobody(step.index)

    def _place(self, index: int, direction: int) -> int:
        return index if direction > 0 else self.slices.depth - 1 - index

    def _embedding(self, index: int, keep: bool) -> Embedding:
        kept = self._kept.get(index)
        if kept is None:
            pixels = self.slices.look_at(index, keep=True)
            kept = self._encode(self.model, pixels, limits=self.slices.limits)
        if keep:
            self._kept[index] = kept
            self._kept.move_to_end(index)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return kept


def _visits(ways: list[_Way]) -> list[int]:
    """List the slices that are on some way, in order."""
    found: set[int] = set()
    for way in ways:
        found.update(range(min(way.start, way.stop), max(way.start, way.stop) + 1))
    backwards = any(way.stop < way.start for way in ways)
    return sorted(found, reverse=backwards)


def _step(index: int, told: Followed) -> Step:
    region = told.candidates.regions[0]
    if not region.area:
        return nobody(index)
    return Step(index, region, float(told.candidates.scores[0]))


def _log_odds(presence: float) -> float:
    """Log-odds of a probability, finite ones."""
    safe = min(max(presence, 1e-6), 1 - 1e-6)
    return math.log(safe / (1 - safe))
