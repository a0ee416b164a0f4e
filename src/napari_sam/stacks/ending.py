"""Where an object ends: some signs together, and the slices after it, decide.

No sign says it by itself, or on the same scale in every kind of image. So each is looked at in
relation to the object's own slices: how bright and how certain it was at its best, and how much
of that is left some slices further. A small model of them says for each slice how much more likely
the object still is there than not; the network that outlines it, where it was asked, is heard
beside that where it says that the object has gone. It ends where all that makes most sense of the
whole sequence.

In time an object does not end as it does along z. It becomes larger and smaller, and the whole
picture fades, but it stays until it leaves the field, dies or divides. So frames are heard by a
rule of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from napari_sam.stacks.end_signs import AHEAD, Past, Signs, signs_in_time, signs_of
from napari_sam.stacks.following import SeenOnSlice
from napari_sam.stacks.logistic import Logistic

#: Of `signs_of`. Printed by ``benchmarks/fit_endings.py --data FOLDER --objects 8 --volumes 4``
#: before answers to box and click were averaged and haze was taken away; printed anew it is no
#: better on such answers and slices.
PRESENCE = Logistic((0.25, 0.61, 1.62, 5.44, -0.45), -6.59)
#: Of `signs_in_time`. Printed by the same with the first generation of weights; fitted anew it is
#: stricter, and gives up cells that are there (``benchmarks/stacks.py movies``).
STAYING = Logistic((1.62, -24.61), -0.57)
GONE = 1.0  # log-odds that the outlining network adds at most, and only against
SURE = 3.0  # log-odds that a single slice may say at most
ENOUGH = 4.5  # log-odds against the object, summed up, at which nobody looks further
SETTLED = 2.0  # the same where slices ahead have been heard already


@dataclass(frozen=True)
class EndingRule:
    """What is looked at on slices, and what it says about the object being there.

    Parameters
    ----------
    signs : callable
        What they say: from the past of some slices, and these, to (n, k) float. See `end_signs`.
    presence : Logistic
        How much more likely than not that makes the object.
    """

    signs: Callable[[Past, Sequence[SeenOnSlice]], Signs]
    presence: Logistic


THROUGH_SLICES = EndingRule(signs_of, PRESENCE)
OVER_TIME = EndingRule(signs_in_time, STAYING)


@dataclass(frozen=True)
class HowFar:
    """On how many slices an object is, counted from where it is known.

    Parameters
    ----------
    certain : int
        At least, whatever comes.
    likely : int
        As far as can be told by now.
    over : bool
        Whether both are final.
    """

    certain: int
    likely: int
    over: bool


class Judge:
    """Judges slices as they come: what is certain by those ahead is not looked at again.

    Parameters
    ----------
    area : int
        Pixels of the object where it is known: on the first slice that it is known on.
    rule : EndingRule
    own : sequence of SeenOnSlice
        Slices after that one that are known to show it: what it is like.
    """

    def __init__(
        self, area: int, rule: EndingRule = THROUGH_SLICES, own: Sequence[SeenOnSlice] = ()
    ) -> None:
        self._rule, self._own = rule, _after(Past.of(area), own)
        self._begin()

    def _begin(self) -> None:
        self._past, self._end = self._own, End(SETTLED)
        self._heard = self._certain = self._known = 0

    def judge(self, seen: Sequence[SeenOnSlice], count: int, whole: bool) -> HowFar:
        """Tell how many of the first so many slices show the object.

        Parameters
        ----------
        seen : sequence of SeenOnSlice
            The slices after those, from the first on; what was judged before is the same.
        count : int
        whole : bool
            Whether there are no slices beyond these.

        Returns
        -------
        HowFar
        """
        if count < self._known:  # what lies beyond is not heard any more
            self._begin()
        self._known = count
        if self._end.over:
            return HowFar(self._certain, self._certain, True)
        begins = self._heard
        odds = odds_of(self._past, seen[begins:count], self._rule)
        settled = len(odds) - AHEAD
        end, certain, likely = copy(self._end), self._certain, self._certain
        for heard, (place, one) in enumerate(odds, start=1):
            number = begins + place
            if end.hear(one):
                likely = number
            if whole or heard <= settled:
                certain = likely
            if heard <= settled:
                self._past = self._past.after(seen[number - 1])
                self._heard, self._certain, self._end = number, certain, copy(end)
            if end.over:
                return HowFar(certain, likely, whole or heard <= settled)
        return HowFar(certain, likely, whole)


def odds_of(past: Past, seen: Sequence[SeenOnSlice], rule: EndingRule) -> list[tuple[int, float]]:
    """Return what slices say for the object, log-odds, but for those that were lost.

    Parameters
    ----------
    past : Past
        The object where it is known, and the slices since then.
    seen : sequence of SeenOnSlice
        The slices after that.
    rule : EndingRule

    Returns
    -------
    list of (int, float)
        The number of every slice that says something, from 1, and what.
    """
    heard = [number for number, one in enumerate(seen, start=1) if not one.lost]
    odds = rule.presence.log_odds(rule.signs(past, [seen[number - 1] for number in heard]))
    told = np.clip([seen[number - 1].there for number in heard], -GONE, 0)
    return [(number, float(one)) for number, one in zip(heard, odds + told, strict=True)]


def _after(past: Past, seen: Sequence[SeenOnSlice]) -> Past:
    """Return what counts of some slices, but for those that were lost."""
    for one in seen:
        past = past if one.lost else past.after(one)
    return past


class End:
    """Adds up what slices say, one by one.

    Parameters
    ----------
    enough : float
        Log-odds against the object, summed up, at which nobody looks further.

    Examples
    --------
    >>> end = End()
    >>> [end.hear(odds) for odds in (2.0, 1.0, -2.0, -1.0, -3.0)]
    [1, 1, 0, 0, 0]
    >>> end.over
    True
    """

    def __init__(self, enough: float = ENOUGH) -> None:
        self._enough = enough
        self._sum = 0.0
        self._most = 0.0
        self.waiting = 0

    def hear(self, log_odds: float) -> int:
        """Take in the next slice; return how many slices, to this one, are now certain."""
        self._sum += float(np.clip(log_odds, -SURE, SURE))
        self.waiting += 1
        if self._sum < self._most:
            return 0
        self._most = self._sum
        settled, self.waiting = self.waiting, 0
        return settled

    @property
    def over(self) -> bool:
        """Whether the object has ended where slices were last certain."""
        return self._most - self._sum >= self._enough
