"""How long work reports where it stands and learns that it was cancelled."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float], None]
"""Called with the fraction done, 0..1. Raise `napari_sam.errors.Cancelled` from it to stop."""


def silent(fraction: float) -> None:
    """Ignore progress; the default wherever nobody watches."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Map a stage's own 0..1 onto ``start..stop`` of the whole.

    Raises
    ------
    ParameterError
        When `progress` cannot be called, or the stage does not lie within 0..1.
    """
    from napari_sam import checks  # NumPy, which a command line is parsed without

    checks.reports(progress)
    start = checks.number(start, "start", 0, 1)
    stop = checks.number(stop, "stop", start, 1)

    def report(fraction: float) -> None:
        progress(start + (stop - start) * fraction)

    return report


def duration(seconds: float) -> str:
    """Write a duration for people.

    Examples
    --------
    >>> duration(8), duration(200), duration(7500)
    ('8 s', '3 min 20 s', '2 h 5 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
