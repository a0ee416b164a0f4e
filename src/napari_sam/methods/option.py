"""What a person may choose about a method: fields of a data class that describe themselves.

The flags of the command line, the controls of the panel and the copied recipe are made from
these descriptions. Nothing heavy is imported here: a command line is parsed before any work.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from napari_sam.errors import ParameterError
from napari_sam.methods.preset import is_preset
from napari_sam.spelling import did_you_mean

Acts = Literal["at once", "search", "again"]
"""When a change acts: on what was found, when a search is started, or by searching again."""


@dataclass(frozen=True)
class Option:
    """What is known of one option.

    Parameters
    ----------
    kind : {float, int, bool, str}
        A text without `choices` is free.
    label : str
        Its name in the panel; without one it is not offered there.
    help : str
        Its tooltip.
    hint : str
        What its field says while a text is empty.
    typed : str
        What its flag on the command line says; without one it has none.
    low, high : float
        Values that make sense; `open_end` leaves the highest out.
    unit : {"", "px", "px²", "%"}
    none : str
        What it means in words when nothing is chosen, such as "automatic".
    shown : (float, float), optional
        What the panel offers of these values.
    steps : int
        Places of a slider; 0 for a number to type.
    spell : callable, optional
        Tells a value in words, where number and unit do not.
    folded : bool
        Whether the panel shows it among what is seldom needed.
    acts : {"at once", "search", "again"}
    floor : float, optional
        The panel's searches collect down to this value, so that a slider can go there at once.
    placed : bool
        Whether it holds places on one plane, which a part of the plane would misread.
    choices : tuple of str
        All values of a text. Of two, the panel makes a switch for the second.
    read : callable, optional
        Reads the value from a file, which is what the command line then takes.
    variable : str
        What a recipe calls a value that no code can spell.
    instead_of : str
        The option that is None when this one is given.
    rank : int
        Where it is listed: lower ranks first, equal ones in the order of the fields.
    """

    kind: type
    label: str = ""
    help: str = ""
    hint: str = ""
    typed: str = ""
    low: float = 0.0
    high: float = math.inf
    open_end: bool = False
    unit: str = ""
    none: str = ""
    shown: tuple[float, float] | None = None
    steps: int = 0
    spell: Callable[[float], str] | None = None
    folded: bool = True
    acts: Acts = "at once"
    floor: float | None = None
    placed: bool = False
    choices: tuple[str, ...] = ()
    read: Callable[[Path], Any] | None = None
    variable: str = ""
    instead_of: str = ""
    rank: int = 0

    @property
    def is_text(self) -> bool:
        """Whether it is a text that is typed freely."""
        return self.kind is str and not self.choices

    def words(self, value: float) -> str:
        """Tell a value as the panel shows it.

        Examples
        --------
        >>> Option(float, unit="px", none="automatic").words(24)
        '24 px'
        >>> Option(float, unit="px", none="automatic").words(0)
        'automatic'
        """
        if self.none and not value:
            return self.none
        if self.spell is not None:
            return self.spell(value)
        if self.unit == "%":
            return f"{100 * value:.0f} %"
        return f"{value:.0f} {self.unit}" if self.unit else f"{value:.1f}"


class NamedOption(NamedTuple):
    """An option with its name and default."""

    name: str
    default: Any
    option: Option


def option(default: Any, kind: type, **what: Any) -> Any:
    """Make a field of a data class that carries an `Option`."""
    return dataclasses.field(default=default, metadata={"option": Option(kind, **what)})


def described(options: Any) -> list[NamedOption]:
    """List the options of a data class, or of an instance of one, by rank.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Mine:
    ...     strength: float = option(0.5, float, label="Strength", high=1)
    >>> [(one.name, one.default, one.option.high) for one in described(Mine)]
    [('strength', 0.5, 1)]
    """
    found = [
        NamedOption(field.name, field.default, field.metadata["option"])
        for field in dataclasses.fields(options)
        if "option" in field.metadata
    ]
    return sorted(found, key=lambda one: one.option.rank)


def differing(options: Any) -> dict[str, Any]:
    """Return the options that were chosen, or that differ from their defaults, by name."""
    return {
        name: getattr(options, name)
        for name, default, what in described(options)
        if _differs(getattr(options, name), default, what)
    }


def _differs(value: Any, default: Any, what: Option) -> bool:
    if what.read is not None:
        return value is not None
    if is_preset(default):  # a model may have another default: whatever was chosen counts
        return not is_preset(value)
    return bool(value != default)


def given(kind: type, typed: Mapping[str, Any]) -> Any:
    """Make options of what was given; what another one replaces becomes None.

    Raises
    ------
    ParameterError
        When there is no option of a name, or a value makes no sense.
    """
    values, names = dict(typed), [one.name for one in dataclasses.fields(kind) if one.init]
    strange = next((name for name in values if name not in names), None)
    if strange is not None:
        raise ParameterError(f"There is no option {strange!r}.{did_you_mean(strange, names)}")
    for name, _, what in described(kind):
        if name in values and what.instead_of:
            values.setdefault(what.instead_of, None)
    return kind(**values)


def validate(options: Any) -> None:
    """Refuse values that make no sense, and keep the others as plain numbers of Python.

    Raises
    ------
    ParameterError
    """
    for name, default, what in described(options):
        value = getattr(options, name)
        if what.read is not None:
            continue  # whoever uses it checks it
        if value is None and (default is None or _replaced(options, name)):
            continue
        if not _sensible(value, what):
            none = ", or None" if default is None else ""
            raise ParameterError(f"{name} must be {_expected(what)}{none}, got {value!r}.")
        if not is_preset(value):
            object.__setattr__(options, name, what.kind(value))


def _replaced(options: Any, name: str) -> bool:
    return any(what.instead_of == name for _, _, what in described(options))


def _sensible(value: Any, what: Option) -> bool:
    if what.choices:
        return isinstance(value, str) and value in what.choices
    # By itself and not by `checks`: the command line is parsed without NumPy.
    is_flag = type(value).__name__ in ("bool", "bool_")
    if what.kind is bool:
        return is_flag
    if what.is_text:
        return isinstance(value, str)
    if what.kind not in (int, float):
        return True
    if is_flag or not isinstance(value, numbers.Real):
        return False
    try:
        number = float(value)
    except (OverflowError, TypeError):  # no float holds it; what only looks like a number
        return False
    if not math.isfinite(number) or (what.kind is int and value != round(value)):
        return False
    return what.low <= number < what.high if what.open_end else what.low <= number <= what.high


def _expected(what: Option) -> str:
    if what.choices:
        return " or ".join(repr(choice) for choice in what.choices)
    if what.kind is bool:
        return "True or False"
    if what.is_text:
        return "text"
    number = "a whole number" if what.kind is int else "a number"
    if what.unit.startswith("px"):
        number += " of pixels"
    if math.isinf(what.high):
        return f"{number} of {what.low:g} or more"
    return f"{number} from {what.low:g} to {what.high:g}"
