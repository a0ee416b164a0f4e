"""A followed object without the rim that light lays around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from napari_sam.stacks.crops import Slices, Window
from napari_sam.stacks.following import Step
from napari_sam.stacks.frames import grey
from napari_sam.stacks.rims import Sample, end_of, without_rim
from napari_sam.stacks.slice_signs import Picture, smoothed
from napari_sam.stacks.spans import Span


class Paring:
    """Takes the rim away from slices of one object, see `napari_sam.stacks.rims`.

    The slices on which the object was shown tell how bright it is on those next to them. They stay
    as they were shown, and what follows from a slice follows from all that was seen there.

    Parameters
    ----------
    slices : Slices
    """

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._samples: dict[int, tuple[Step, Sample]] = {}
        self._ends: dict[Span, float] = {}
        self._pared: dict[int, tuple[Step, float, Step]] = {}

    def hear(self, shown: Mapping[int, Step], spans: Sequence[Span]) -> None:
        """Take in where the object was shown, by slice, and what lies between and beyond."""
        for index, step in shown.items():
            if index not in self._samples or self._samples[index][0] is not step:
                window, picture = self._around(step)
                self._samples[index] = step, Sample.of(window.mask(step.region), picture)
        for span in spans:
            self._ends[span] = end_of([self._samples[z][1] for z in span if z is not None])

    def pare(self, step: Step, span: Span) -> Step:
        """Return a slice of a span without the object's rim; it is worked out once."""
        end = self._ends.get(span, -np.inf)
        if not np.isfinite(end) or not step.region.area:
            return step
        whole, before, pared = self._pared.get(step.index, (None, end, step))
        if whole is not step or end != before:
            window, picture = self._around(step)
            left = without_rim(window.mask(step.region), picture, end)
            pared = replace(step, region=window.region(left))
            self._pared[step.index] = step, end, pared
        return pared

    def _around(self, step: Step) -> tuple[Window, Picture]:
        window = Window.around(step.region, self._slices.plane)
        return window, smoothed(grey(self._slices.read(step.index, window)))
