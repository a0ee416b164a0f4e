"""What a person can change about found cells without running the network again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from napari_sam.errors import ParameterError
from napari_sam.methods.option import option, validate

# Measured with networks that had seen such images, and with one that had seen none:
# benchmarks/choosing.py.
FOREGROUND = 0.65  # probability above which a pixel belongs to an object
MERGING = 0.6
SMOOTHING = 1.5
MIN_SCORE = 0.5  # more likely right than wrong
MAX_SMOOTHING = 10.0
_BIAS = 3.0  # log-odds by which either end of the sensitivity shifts the foreground
_MERGING = 0.4  # by which either end of splitting moves the pass that parts two objects


def at_least(share: float) -> str:
    """Spell a least share; 0 is none.

    Examples
    --------
    >>> at_least(0.5), at_least(0)
    ('≥ 50 %', 'any')
    """
    return f"≥ {100 * share:.0f} %" if share else "any"


def smallest(more: str = "") -> Any:
    """The option of how small an object may be, where a number says it; `more` for the flag."""
    return option(
        0,
        int,
        label="Smallest",
        help="Leave out objects of fewer pixels.",
        typed=f"drop smaller objects, in pixels{more}",
        unit="px²",
    )


def largest() -> Any:
    """The option of how large an object may be."""
    return option(
        None,
        int,
        label="Largest",
        help="Leave out objects of more pixels; 0 keeps all.",
        typed="drop larger objects, in pixels",
        low=1,
        unit="px²",
    )


class _Areas(Protocol):
    @property
    def min_area(self) -> int | None: ...

    @property
    def max_area(self) -> int | None: ...


def check_areas(options: _Areas) -> None:
    """Refuse options that no object fits: above their smallest area, and below their largest.

    Raises
    ------
    ParameterError
    """
    least, most = options.min_area, options.max_area
    if least is not None and most is not None and least > most:
        raise ParameterError(f"min_area={least} is above max_area={most}: no object fits.")


@dataclass(frozen=True)
class CellOptions:
    """How objects are cut out of a plane's maps; all but the last two act at once.

    Parameters
    ----------
    sensitivity : float
        0 to 1. Higher finds fainter objects and draws outlines further out: it adds to the
        network's log-odds that a pixel is inside an object, for the outlines and the scores.
    splitting : float
        0 to 1. Higher cuts touching objects apart more readily, lower joins their parts.
    smoothing : float
        Sigma, in map pixels (about a sixteenth of a typical object), of the Gaussian over the
        map that objects are told apart by. Higher ignores finer structure.
    min_area, max_area : int, optional
        In pixels; smaller and larger objects are dropped. By default those below a twentieth
        of a typical object, and none.
    min_score : float
        0 to 1; objects that score lower are dropped. Those cut off by the plane's border may
        score a little lower.
    diameter : float, optional
        Typical object diameter in pixels; estimated from each plane by default.
    refine : bool
        Whether objects that score low are drawn again, see
        `napari_sam.methods.refining.refine_cells`.

    Raises
    ------
    ParameterError
    """

    sensitivity: float = option(
        0.5,
        float,
        label="Sensitivity",
        help="Higher finds fainter cells and draws outlines wider; lower keeps to what is "
        "clearly a cell.",
        typed="0 to 1, default 0.5: higher finds fainter cells",
        high=1.0,
        unit="%",
        steps=100,
        folded=False,
    )
    splitting: float = option(
        0.5,
        float,
        label="Merge, split",
        help="Left joins touching parts into one cell, right divides them into several.",
        typed="0 to 1, default 0.5: higher cuts touching cells apart more readily",
        high=1.0,
        unit="%",
        steps=100,
    )
    smoothing: float = option(
        SMOOTHING,
        float,
        label="Smoothing",
        help="How much unevenness inside a cell is ignored before it is divided.",
        typed="default 1.5: higher ignores finer structure when telling cells apart",
        high=MAX_SMOOTHING,
        shown=(0, 6),
        steps=60,
    )
    min_area: int | None = option(
        None,
        int,
        label="Smallest",
        help="Leave out objects that cover fewer pixels than this. Automatic: a twentieth of a "
        "typical cell.",
        typed="drop smaller objects, in pixels; default: a twentieth of a typical cell, or 0",
        unit="px²",
        none="automatic",
        shown=(4, 100_000),
        steps=200,
    )
    max_area: int | None = option(
        None,
        int,
        label="Largest",
        help="Leave out objects that cover more pixels than this.",
        typed="drop larger objects, in pixels",
        low=1,
        unit="px²",
        none="any",
        shown=(4, 1_000_000),
        steps=200,
    )
    min_score: float = option(
        MIN_SCORE,
        float,
        label="Certainty",
        help="Leave out cells of which the model is less sure than this. Of cells that 'cells' is "
        "60 % sure of, about six in ten are right, on images of a kind that it knows.",
        typed="0 to 1, default 0.5: drop cells the model is less sure of",
        high=1.0,
        spell=at_least,
        steps=100,
        folded=False,
    )
    diameter: float | None = option(
        None,
        float,
        label="Diameter",
        help="Typical width of a cell in pixels. The model estimates it (≈); set it when cells "
        "come in pieces (larger) or melt together (smaller). Leftmost: estimate it.",
        typed="typical cell diameter in pixels (found out by itself when not given)",
        low=1e-3,
        high=1e6,
        unit="px",
        none="automatic",
        shown=(4, 400),
        steps=200,
        folded=False,
        acts="again",
        rank=-1,
    )
    refine: bool = option(
        False, bool, typed="draw cells again that the model is less sure of", acts="search"
    )

    def __post_init__(self) -> None:
        validate(self)
        check_areas(self)

    @property
    def odds(self) -> float:
        """Factor on the odds that a pixel is inside an object."""
        return math.exp(2 * _BIAS * (self.sensitivity - 0.5))

    @property
    def foreground(self) -> float:
        """Probability in the maps above which a pixel belongs to an object."""
        return FOREGROUND / (FOREGROUND + (1 - FOREGROUND) * self.odds)

    @property
    def merging(self) -> float:
        """Height of a pass, relative to the lower peak, from which two floods are one object."""
        return MERGING + 2 * _MERGING * (self.splitting - 0.5)

    def least_area(self, diameter: float) -> int:
        """Return `min_area`, or what stands in for it among objects of this diameter.

        Examples
        --------
        >>> CellOptions().least_area(30), CellOptions(min_area=7).least_area(30)
        (35, 7)
        """
        if self.min_area is not None:
            return self.min_area
        return max(4, int(math.pi / 4 * diameter**2 / 20))


DEFAULTS = CellOptions()
