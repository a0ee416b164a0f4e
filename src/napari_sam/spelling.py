"""What somebody meant who typed a name that is nearly right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 100  # letters of a name that are compared


def did_you_mean(name: str, known: Iterable[str], least: float = 0.6) -> str:
    """Return a question behind a message, with the nearest names; empty where none is near.

    Parameters
    ----------
    name : str
        What was typed.
    known : iterable of str
        The names that there are.
    least : float
        0 to 1: how near they have to be.

    Returns
    -------
    str

    Examples
    --------
    >>> did_you_mean("diamter", ["diameter", "smoothing"])
    " Did you mean 'diameter'?"
    >>> did_you_mean("strength", ["diameter", "smoothing"])
    ''
    """
    near = difflib.get_close_matches(name[:_LONGEST], list(known), n=2, cutoff=least)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
