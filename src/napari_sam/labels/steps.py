"""Work that can be done some of it at a time: a generator that tells how far it is."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

#: Yields how far it is, 0..1, between parts of work none of which takes long. An error that is
#: thrown into it is raised again once what was done has been taken back, some of it at a time;
#: closing it takes all back at once.
Steps = Generator[float, None, T]


def done_at_once(steps: Steps[T]) -> T:
    """Do all of it, and return what it returns.

    Examples
    --------
    >>> def halves():
    ...     yield 0.5
    ...     return "done"
    >>> done_at_once(halves())
    'done'
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found


def part_of(steps: Steps[T], first: float, last: float) -> Steps[T]:
    """Do work that is a part of other work, from a share of it to another."""
    error: BaseException | None = None
    while True:
        try:
            fraction = next(steps) if error is None else steps.throw(error)
        except StopIteration as end:
            found: T = end.value
            return found
        error = None
        try:
            yield first + (last - first) * fraction
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as thrown:  # noqa: BLE001 -- handed on
            error = thrown
