"""What is known of one object on slices, and what is still to be found between those shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, TypeVar

from napari_sam.stacks.following import Step

Span = tuple[int | None, int | None]
"""Two shown slices and what lies between; None where the object is followed to its end."""

Shown = TypeVar("Shown")


def spans_of(shown: Iterable[int]) -> list[Span]:
    """List the spans before, between and after the slices where an object was shown.

    Examples
    --------
    >>> spans_of([6, 2]), spans_of([])
    ([(None, 2), (2, 6), (6, None)], [])
    """
    places = sorted(shown)
    if not places:
        return []
    return [(None, places[0]), *pairwise(places), (places[-1], None)]


@dataclass(eq=False)
class Spans(Generic[Shown]):
    """One object: where it was shown, and what was found from there.

    Parameters
    ----------
    depth : int
        How many slices there are.
    shown : dict of int to anything
        What was said about the object, by slice.
    steps : dict of int to Step
    done : set of (int or None, int or None)
        Spans that nothing is left to find in.

    Examples
    --------
    >>> spans: Spans[str] = Spans(9)
    >>> spans.show(2, "here"), spans.show(6, "and here")
    (None, None)
    >>> spans.todo()
    [(None, 2), (2, 6), (6, None)]
    >>> spans.done.update(spans.todo())
    >>> spans.show(4, "no, here")
    >>> spans.todo()
    [(2, 4), (4, 6)]
    """

    depth: int
    shown: dict[int, Shown] = field(default_factory=dict)
    steps: dict[int, Step] = field(default_factory=dict)
    done: set[Span] = field(default_factory=set)

    def show(self, index: int, what: Shown) -> None:
        """Take in what is said about a slice; what depended on it is forgotten."""
        self.forget(index)
        self.shown[index] = what
        self._drop_around(index)

    def forget(self, index: int) -> None:
        """Take back what was said about a slice."""
        if index in self.shown:
            self._drop_around(index)
            del self.shown[index]
            self.steps.pop(index, None)
            self._drop_around(index)

    def todo(self) -> list[Span]:
        """List the spans in which something is left to find."""
        return [span for span in spans_of(self.shown) if span not in self.done]

    def reopen(self, below: bool) -> None:
        """Let the first or the last span be looked at again, because more slices belong to it."""
        end = 0 if below else 1
        self.done = {span for span in self.done if span[end] is not None}

    def _drop_around(self, index: int) -> None:
        """Drop what was found between a slice and the shown ones on both sides."""
        below = max((z for z in self.shown if z < index), default=-1)
        above = min((z for z in self.shown if z > index), default=self.depth)
        for z in range(below + 1, above):
            if z not in self.shown:
                self.steps.pop(z, None)
        self.done = {
            (low, high)
            for low, high in self.done
            if (self.depth if high is None else high) <= below
            or (-1 if low is None else low) >= above
        }
