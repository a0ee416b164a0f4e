"""What a model was taught by a person, kept with its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from napari_sam.counts import counted

__all__ = ["BETTER", "NOT_BETTER", "TOO_FEW", "Lesson", "history_of", "history_text"]

#: What the objects that were held back say.
BETTER, NOT_BETTER, TOO_FEW = "better", "not better", "too few to tell"
_MOST = 1000  # lessons that are read of a file


@dataclass(frozen=True)
class Lesson:
    """One time that a model was taught, and what came of it.

    Parameters
    ----------
    date : str
        ISO 8601, UTC.
    base : str
        Name of the model that was taught.
    images, objects : int
        How many images there were, stacks or planes, and how many objects to learn from.
    held_back : int
        Corrected objects that were not learnt from but compared on.
    seconds : float
        How long it took.
    steps : int
        Of the optimiser.
    kept : bool
        Whether the new weights were kept. Unless a person wants them anyway, only when what was
        held back got better.
    diameter : float
        Median of the corrected objects, in pixels: where objects of about this size are seen,
        they are mostly of this size.
    before, after : mapping of str to float
        On what was held back: ``"ap50"`` (average precision at an IoU of .5), ``"found"`` (share
        of objects found with an IoU above .5), ``"match"`` (mean IoU with the best of what is
        found), ``"click"`` (mean IoU after one click), ``"wrong"`` (how much is found where it is
        known that no object is; not in files of the first versions); of a lesson that was not
        kept, ``after`` is what would have been.
    elsewhere_before, elsewhere_after : mapping of str to float
        The same on generated images of other kinds.
    verdict : {"better", "not better", "too few to tell", ""}
        What the objects that were held back say; empty in files of the first versions.
    """

    date: str
    base: str
    images: int
    objects: int
    held_back: int
    seconds: float
    steps: int
    kept: bool
    diameter: float
    before: Mapping[str, float]
    after: Mapping[str, float]
    elsewhere_before: Mapping[str, float]
    elsewhere_after: Mapping[str, float]
    verdict: str = ""

    def __str__(self) -> str:
        verdict = f"; {self.verdict}" if self.verdict not in ("", BETTER) else ""
        verdict += "" if self.kept else "; the old weights were kept"
        return (
            f"{self.objects} objects of {counted(self.images, 'image')} in {self.seconds:.0f} s. "
            f"On {self.held_back} held back: {_change(self.before, self.after)}. On generated "
            f"images: {_change(self.elsewhere_before, self.elsewhere_after)}{verdict}."
        )


_WORDS = {"ap50": "AP@.5", "click": "click IoU"}


def _change(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Spell figures before and after.

    Examples
    --------
    >>> _change({"ap50": 0.5, "click": 0.613}, {"ap50": 0.7, "click": 0.702})
    'AP@.5 .50 to .70, click IoU .61 to .70'
    """
    known = [name for name in _WORDS if name in before and name in after]
    told = ", ".join(f"{_WORDS[n]} {_short(before[n])} to {_short(after[n])}" for n in known)
    return told or "nothing to compare"


def _short(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def history_text(history: Sequence[Lesson]) -> str:
    """Write lessons as JSON for a file's header."""
    return json.dumps([asdict(lesson) for lesson in history])


def history_of(text: str) -> tuple[Lesson, ...]:
    """Read lessons from a file's header; what is no lesson is left out.

    Examples
    --------
    >>> history_of("no JSON"), history_of("[1, {}]")
    ((), ())
    """
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(rows, list):
        return ()
    read = (_lesson(row) for row in rows[:_MOST])
    return tuple(lesson for lesson in read if lesson is not None)


def _lesson(row: Any) -> Lesson | None:
    """Make a lesson of a row of a file, which may hold anything."""
    needed = {field.name for field in fields(Lesson) if field.default is MISSING}
    if not isinstance(row, dict) or needed - row.keys():
        return None
    kinds = {"str": str, "int": int, "float": (int, float), "bool": bool}
    values = {}
    for field in fields(Lesson):
        value = row.get(field.name, field.default)
        kind = kinds.get(str(field.type))
        sound = _is_figures(value) if kind is None else isinstance(value, kind)  # type: ignore[arg-type]
        if not sound:
            return None
        values[field.name] = value
    lesson = Lesson(**values)
    # Planes are looked at by it, and JSON may say NaN.
    return lesson if 0 < lesson.diameter < math.inf else None


def _is_figures(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return all(
        isinstance(name, str) and isinstance(figure, int | float) and math.isfinite(figure)
        for name, figure in value.items()
    )
