"""The time that a lesson may take, and how it is shared out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["TimeLimit"]


@dataclass
class TimeLimit:
    """When to stop: after so many seconds, less what is needed afterwards, or so many steps.

    Parameters
    ----------
    clock : callable
    seconds : float
        For all of the lesson.
    steps : int, optional
        Of teaching, in all.
    """

    clock: Callable[[], float]
    seconds: float
    steps: int | None

    def __post_init__(self) -> None:
        self.start = self.clock()
        self._begun, self._end = 0.0, self.seconds

    @property
    def spent(self) -> float:
        """Seconds since it was begun with."""
        return self.clock() - self.start

    def within(self, share: float) -> Callable[[], bool]:
        """Return what tells whether so much of the time is over, counted from now."""
        end = self.spent + share * self.seconds
        return lambda: self.spent > end

    def begin(self, looked: float) -> None:
        """Begin to teach: leave so many seconds for the comparison, but not more than half."""
        self._end = max(self.seconds - looked, self.seconds / 2)
        self._begun = min(self.spent, 0.99 * self._end)

    def share(self, steps: int = 0) -> float:
        """Return which share of the time to teach, or of the steps, is over."""
        by_steps = 0.0 if self.steps is None else steps / self.steps
        return max(by_steps, (self.spent - self._begun) / (self._end - self._begun))
