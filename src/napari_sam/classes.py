"""Classes that a person gives to objects: what their columns are called, and their colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from napari_sam.errors import ParameterError
from napari_sam.id_columns import NO_OBJECT, whole_numbers

__all__ = [
    "BY",
    "CLASS",
    "COLOUR",
    "COLOURS",
    "COLUMNS",
    "PERSON",
    "PROBABILITY",
    "SUGGESTED",
    "classes_in",
    "colours_in",
    "colours_of",
    "examples_in",
    "ids_in",
    "need_two",
    "rgb",
]

#: Columns of a table of objects: the class, how likely it is, and who says so.
CLASS, PROBABILITY, BY = "class", "class_probability", "class_by"
COLUMNS = (CLASS, PROBABILITY, BY)
#: The colour of an object's class, such as ``#e69f00``, where a person chose one.
COLOUR = "class_colour"
#: Who says so.
PERSON, SUGGESTED = "person", "suggested"
#: Of classes in their order, told apart without colour vision too [1]_.
#:
#: .. [1] Okabe and Ito, Color universal design, 2008.
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999")


def classes_in(table: pd.DataFrame | None) -> dict[int, str]:
    """Map the id of every object of a table that has a class to it.

    Examples
    --------
    >>> table = pd.DataFrame({"label": [1, 2, 3], "class": ["mitotic", None, "resting"]})
    >>> classes_in(table)
    {1: 'mitotic', 3: 'resting'}
    """
    if table is None or CLASS not in table.columns:
        return {}
    ids, said = ids_in(table), table[CLASS]
    known = ids.notna() & said.notna() & (said.astype(str).str.strip() != "")
    return dict(zip(ids[known].astype(int), said[known].astype(str), strict=True))


def examples_in(table: pd.DataFrame) -> dict[int, str]:
    """Map the id of every object to the class that a person gave it: not what was suggested.

    Examples
    --------
    >>> rows = {"label": [1, 2], "class": ["a", "b"], "class_by": [None, "suggested"]}
    >>> examples_in(pd.DataFrame(rows))
    {1: 'a'}
    """
    return classes_in(table[table[BY] != SUGGESTED] if BY in table else table)


def ids_in(table: pd.DataFrame) -> pd.Series[Any]:
    """Return which object every row is about, missing where it does not say.

    It says so by ``label``, or as napari has it, by ``index``.

    Examples
    --------
    >>> ids_in(pd.DataFrame({"label": [3, None], "index": [3, 5]})).tolist()
    [3, 5]
    """
    ids = pd.Series(pd.NA, table.index, dtype="Int64")  # whole numbers, of which some may lack
    for name in ("label", "index"):
        if name in table.columns and ids.isna().any():
            column = table[name]  # several of a name: the first counts
            column = column.iloc[:, 0] if isinstance(column, pd.DataFrame) else column
            numbers = pd.Series(whole_numbers(column), table.index, dtype="Int64")
            ids = ids.fillna(numbers.mask(numbers == NO_OBJECT))
    return ids


def need_two(given: Iterable[str]) -> None:
    """Refuse examples from which no class can be told from another.

    Raises
    ------
    ParameterError
    """
    names = set(given)
    if not names:
        raise ParameterError(
            "No object has a class yet: name a few examples of two classes at least, under "
            "Classes on the page Review or in a table of your own."
        )
    if len(names) < 2:
        raise ParameterError(
            f"All examples are of the class {names.pop()!r}, which tells nothing apart: name "
            "some of another class, too."
        )


def colours_in(table: pd.DataFrame | None) -> dict[str, str]:
    """Return the colours that a person chose for classes of a table.

    Examples
    --------
    >>> rows = {"label": [1, 2], "class": ["a", "b"], "class_colour": ["#102030", None]}
    >>> colours_in(pd.DataFrame(rows))
    {'a': '#102030'}
    """
    classes = classes_in(table)
    if table is None or COLOUR not in table.columns:
        return {}
    told = zip(ids_in(table), table[COLOUR].map(str), strict=True)
    return {
        classes[number]: colour
        for number, colour in told
        if number in classes and re.fullmatch("#[0-9a-fA-F]{6}", colour)
    }


def colours_of(names: Iterable[Any], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give every class its chosen colour, or one by its place among the sorted names.

    Examples
    --------
    >>> colours_of(["resting", "mitotic"], {"resting": "#000000"})
    {'mitotic': '#e69f00', 'resting': '#000000'}
    """
    ordered = sorted(set(map(str, names)))
    usual = {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(ordered)}
    return usual | {name: colour for name, colour in (chosen or {}).items() if name in usual}


def rgb(colour: str) -> list[int]:
    """Return red, green and blue of a colour such as ``#e69f00``, 0 to 255.

    Examples
    --------
    >>> rgb("#e69f00")
    [230, 159, 0]
    """
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
