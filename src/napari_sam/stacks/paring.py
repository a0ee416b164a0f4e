"""A followed object without the rim that light lays around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from napari_sam.stacks.crops import Slices, Window
from napari_sam.stacks.following import Step
from napari_sam.stacks.frames import grey
from napari_sam.stacks.rims import GROUND_WIDTH, ShownLight, end_of, without_rim
from napari_sam.stacks.slice_regions import SMOOTH, Picture, smoothed
from napari_sam.stacks.spans import Span

MARGIN = 2 * GROUND_WIDTH + 4 * SMOOTH  # pixels around an object that are looked at


class Paring:
    """Takes the rim away from slices of one object, see `napari_sam.stacks.rims`.

    The slices on which the object was shown tell how bright it is on those next to them. They stay
    as they were shown, and what follows from a slice follows from all that was seen there. Nothing
    is read before it is needed: of slices that a person drew one after the other, nothing.

    Parameters
    ----------
    slices : Slices
    shown : mapping of int to Step
        Where the object was shown, by slice; as it is at that time.
    """

    def __init__(self, slices: Slices, shown: Mapping[int, Step]) -> None:
        self._slices, self._shown = slices, shown
        self._samples: dict[int, tuple[Step, ShownLight]] = {}
        self._ends: dict[Span, tuple[list[Step], float]] = {}
        self._pared: dict[int, tuple[Step, float, Step]] = {}

    def pare(self, step: Step, span: Span) -> Step:
        """Return a slice of a span without the object's rim; it is worked out once."""
        if not step.region.area:
            return step
        end = self._end(span)
        if not np.isfinite(end):
            return step
        whole, before, pared = self._pared.get(step.index, (None, end, step))
        if whole is not step or end != before:
            window, picture = self._around(step)
            left = without_rim(window.mask(step.region), picture, end)
            pared = replace(step, region=window.region(left))
            self._pared[step.index] = step, end, pared
        return pared

    def _end(self, span: Span) -> float:
        """Tell how bright the object has to be, by the slices at both ends of a span."""
        shown = [self._shown[index] for index in span if index is not None]
        known, end = self._ends.get(span, ([], 0.0))
        if len(known) != len(shown) or any(a is not b for a, b in zip(known, shown, strict=True)):
            end = end_of([self._sample(step) for step in shown])
            self._ends[span] = shown, end
        return end

    def _sample(self, step: Step) -> ShownLight:
        whole, sample = self._samples.get(step.index, (None, None))
        if whole is not step or sample is None:
            window, picture = self._around(step)
            sample = ShownLight.of(window.mask(step.region), picture)
            self._samples[step.index] = step, sample
        return sample

    def _around(self, step: Step) -> tuple[Window, Picture]:
        window = Window.beside(step.region, self._slices.plane, MARGIN)
        return window, smoothed(grey(self._slices.read(step.index, window)))
