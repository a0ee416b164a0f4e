"""Where an object ends: several signs together, and the slices after it, decide.

No sign alone carries from one kind of image to another. A small model of all of them says for
each slice how likely it still shows the object; the end is where that makes most sense of the
whole sequence, some slices beyond it included.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from napari_sam.stacks.following import Seen
from napari_sam.stacks.logistic import Logistic

#: Of what a slice shows of an object: predicted IoU; agreement of the answer with what was
#: expected; share of the contrast that is left; log of the area over the largest so far; how much
#: it grew. Printed by ``python benchmarks/fit_endings.py --data FOLDER``.
PRESENCE = Logistic((4.11, 4.83, 0.39, 1.75, -10.9), -5.25)
LAST = 5  # slices whose median is the measure
SURE = 3.0  # log-odds that a single slice may say at most
FLAT = 0.1  # contrast below which nothing is told by how much of it is left
ENOUGH = 4.5  # log-odds against the object, summed up, at which nobody looks further


class Watch:
    """Follows the signs of one object in one direction.

    Parameters
    ----------
    area : int
        Pixels of the object where it is known to be.
    """

    def __init__(self, area: int) -> None:
        self._areas: deque[float] = deque([float(max(area, 1))], LAST)
        self._contrasts: deque[float] = deque(maxlen=LAST)
        self._largest = float(max(area, 1))

    def signs(self, seen: Seen) -> npt.NDArray[np.float64]:
        """Return the signs of the next slice, see `PRESENCE`, and remember it."""
        area = float(max(seen.region.area, 1))
        usual = float(np.median(self._contrasts)) if self._contrasts else seen.contrast
        left = seen.contrast / usual if abs(usual) > FLAT else 1.0
        found = [
            seen.score,
            seen.agreement,
            float(np.clip(left, -1.0, 1.5)),
            float(np.log(area / max(self._largest, area))),
            max(float(np.log(area / np.median(self._areas))), 0.0),
        ]
        self._contrasts.append(seen.contrast)
        self._areas.append(area)
        self._largest = max(self._largest, area)
        return np.array(found)


class End:
    """Adds up what slices say, one by one.

    Examples
    --------
    >>> end = End()
    >>> [end.hear(odds) for odds in (2.0, 1.0, -2.0, -1.0, -3.0)]
    [1, 1, 0, 0, 0]
    >>> end.over
    True
    """

    def __init__(self) -> None:
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
        return self._most - self._sum >= ENOUGH
