"""How many there are, in words."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Say how many there are.

    Examples
    --------
    >>> counted(1, "cell"), counted(2, "3-D object")
    ('1 cell', '2 3-D objects')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"
