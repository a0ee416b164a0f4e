"""The flags of every method, made from its options: Python's names, ranges and checks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_sam.errors import DataError
from napari_sam.methods.method import Method
from napari_sam.methods.option import NamedOption, described, given
from napari_sam.methods.registry import method, methods


def flag(name: str) -> str:
    """Spell the name of a parameter as an option.

    Examples
    --------
    >>> flag("min_area")
    '--min-area'
    """
    return "--" + name.replace("_", "-")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the options of all methods; what is not typed is None.

    There is a group for every method, and for those that share options.
    """
    groups: dict[str, Any] = {}
    for name, owning in _owners().items():
        names = ", ".join(known.name for known in owning)
        if names not in groups:
            groups[names] = _group(parser, names, owning)
        _add(groups[names], _typed(owning[0])[name])


def _group(parser: argparse.ArgumentParser, names: str, owning: list[Method[Any]]) -> Any:
    """Add a group for the options that some methods share."""
    like = [known.function for known in owning if known.function]
    about = f"as in {', '.join(like)}" if like else owning[0].words.about
    return parser.add_argument_group(f"options of --mode {names}", about)


def options_typed(typed: argparse.Namespace) -> Any:
    """Make the options of the method that was chosen; Python's defaults hold for all others.

    Parameters
    ----------
    typed : argparse.Namespace

    Returns
    -------
    dataclass
        Options of the method of ``--mode``.

    Raises
    ------
    ParameterError, DataError
        When a value makes no sense, or belongs to another method.
    """
    chosen = method(typed.mode)
    own = _typed(chosen)
    for name, owning in _owners().items():
        if getattr(typed, name) is not None and name not in own:
            modes = " or ".join(known.name for known in owning)
            raise DataError(f"{flag(name)} belongs to --mode {modes}.")
    values = {}
    for name, one in own.items():
        value = getattr(typed, name)
        if value is not None:
            values[name] = value if one.option.read is None else one.option.read(value)
    return given(chosen.kind, values)


def _typed(known: Method[Any]) -> dict[str, NamedOption]:
    """List a method's options that have a flag."""
    return {one.name: one for one in described(known.kind) if one.option.typed}


def _owners() -> dict[str, list[Method[Any]]]:
    """List the methods that have an option, for every name."""
    owners: dict[str, list[Method[Any]]] = {}
    for known in methods():
        for name in _typed(known):
            owners.setdefault(name, []).append(known)
    return owners


def _add(group: Any, one: NamedOption) -> None:
    name, _, what = one
    how: dict[str, Any] = {"dest": name, "default": None}
    if what.kind is bool:
        how |= {"action": argparse.BooleanOptionalAction if one.default else "store_true"}
    elif what.choices:
        how |= {"choices": what.choices}
    elif what.is_text:
        how |= {"metavar": "WORDS"}
    elif what.read is not None:
        how |= {"type": Path, "metavar": "FILE"}
    else:
        kind = what.kind if what.low <= 0 or what.kind is int else _larger_than_0
        how |= {"type": kind, "metavar": "N"}
    group.add_argument(flag(name), help=what.typed, **how)


def _larger_than_0(text: str) -> float:
    try:
        value = float(text)
    except ValueError:  # of which argparse would make "invalid _larger_than_0 value"
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number larger than 0, not {text!r}")
    return value
