"""Values that nobody has chosen: what suits the model may take their place.

A preset is a number or a text like any other, so that a signature, a control and a comparison see
nothing but the value. What a person gives is none, even where it is the same number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

Options = TypeVar("Options")


class Preset:
    """What marks a value that nobody has chosen."""


class _Whole(int, Preset):
    pass


class _Real(float, Preset):
    pass


class _Text(str, Preset):
    pass


_KINDS: dict[type, Any] = {int: _Whole, float: _Real, str: _Text}


def preset(value: Any) -> Any:
    """Mark a default as chosen by nobody.

    Examples
    --------
    >>> preset(0.88), preset(0.88) == 0.88, is_preset(preset(0.88)), is_preset(0.88)
    (0.88, True, True, False)
    """
    return _KINDS[type(value)](value)


def is_preset(value: Any) -> bool:
    """Whether nobody has chosen a value."""
    return isinstance(value, Preset)


def suited(options: Options, values: Mapping[str, Any]) -> Options:
    """Put what suits in the place of what nobody has chosen; it still counts as that.

    Parameters
    ----------
    options : dataclass
    values : mapping
        By the names of options.
    """
    changes = {
        name: preset(value) for name, value in values.items() if is_preset(getattr(options, name))
    }
    changed: Options = replace(options, **changes) if changes else options  # type: ignore[type-var]
    return changed
