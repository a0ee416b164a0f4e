"""Which channels can be seen: each by itself, and some together as the colours of one image."""

from __future__ import annotations

from itertools import combinations

_MOST = 50  # choices in one list
_TOGETHER = 3  # colours that a model sees

Seen = tuple[int, ...]


def choices_of(count: int) -> list[Seen]:
    """List what can be seen of some channels: one, two together, three, as far as a list may go.

    Examples
    --------
    >>> choices_of(3)
    [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    >>> len(choices_of(8)), len(choices_of(30))
    (36, 30)
    """
    found: list[Seen] = [(channel,) for channel in range(count)]
    for together in range(2, _TOGETHER + 1):
        more = list(combinations(range(count), together))
        if len(found) + len(more) > _MOST:
            break
        found += more
    return found


def called(seen: Seen) -> str:
    """Say which channels are seen, in a narrow list.

    Examples
    --------
    >>> called((1,)), called((0, 2))
    ('channel 1', '0 + 2')
    """
    return f"channel {seen[0]}" if len(seen) == 1 else " + ".join(map(str, seen))
