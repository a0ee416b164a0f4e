"""How large a pixel is, when the file or the person says so, and how units are spelled."""

from __future__ import annotations

import math
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass

from napari_sam import checks
from napari_sam.errors import ImageError, ParameterError

METRES = {
    "pm": 1e-12,
    "angstrom": 1e-10,
    "nm": 1e-9,
    "um": 1e-6,
    "mm": 1e-3,
    "cm": 1e-2,
    "dm": 1e-1,
    "m": 1.0,
}
"""Length in metres of each unit, by the name it has everywhere in this package."""

_PREFIXES = {"pico": "pm", "nano": "nm", "micro": "um", "milli": "mm", "centi": "cm", "deci": "dm"}
_SPELLINGS = {name: name for name in METRES} | {
    f"{prefix}{ending}": unit
    for prefix, unit in _PREFIXES.items()
    for ending in ("meter", "meters", "metre", "metres")
}
_SPELLINGS |= dict.fromkeys(("micron", "microns", "mu", "u", "μ", "μm", "mcm", "mum"), "um")
_SPELLINGS |= dict.fromkeys(("meter", "meters", "metre", "metres"), "m")
_SPELLINGS |= dict.fromkeys(("å", "ångström", "ångströms", "angstroms", "angström"), "angstrom")
# Upper case turns these three into other units: mega-, peta- and decametres.
_OTHER_UNITS = {"Mm", "Pm", "Dm"}
_ESCAPED = re.compile(r"\\+u([0-9a-f]{4})", re.IGNORECASE)


def unit_named(text: object) -> str | None:
    """Return the unit that a file means, or None when it is no length this package knows.

    Spellings differ in the letter for micro (two characters of Unicode, ``u``, an escape such as
    ``\\u00B5``, or UTF-8 read as Latin-1), in case, in British and American words.

    Parameters
    ----------
    text : object
        What the file says; anything but text is no unit.

    Returns
    -------
    str or None
        A key of `METRES`.

    Examples
    --------
    >>> unit_named("µm"), unit_named("Microns"), unit_named("\\\\u00B5m"), unit_named("pixel")
    ('um', 'um', 'um', None)
    """
    if not isinstance(text, str):
        return None
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text.strip().strip("\"'\0").strip())
    if plain in _OTHER_UNITS:
        return None
    with suppress(UnicodeError):  # UTF-8 that somebody read as Latin-1
        plain = plain.encode("latin-1").decode("utf-8")
    plain = unicodedata.normalize("NFKC", plain).casefold().rstrip(".")
    return _SPELLINGS.get(plain.replace(" ", ""))


@dataclass(frozen=True)
class PixelSize:
    """Physical size of a pixel.

    Parameters
    ----------
    row, column : float
        Distance between neighbouring rows, and between neighbouring columns.
    unit : str
        Of all three lengths, such as ``"um"``; other spellings of it, as ``"\u00b5m"`` or
        ``"micron"``, become this one.
    slice : float, optional
        Distance between neighbouring slices of a z-stack.
    """

    row: float
    column: float
    unit: str = "um"
    slice: float | None = None

    def __post_init__(self) -> None:
        for length in (self.row, self.column, 1.0 if self.slice is None else self.slice):
            checks.positive(length, "A pixel size", ImageError)
        checks.text(self.unit, "The unit of a pixel size", ImageError)
        object.__setattr__(self, "unit", unit_named(self.unit) or self.unit)

    @property
    def area(self) -> float:
        """Area of one pixel."""
        return self.row * self.column

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Distances between slices, rows and columns, where that between slices is known."""
        return None if self.slice is None else (self.slice, self.row, self.column)

    def in_unit(self, unit: str) -> PixelSize:
        """Return the same size in another unit of `METRES`.

        Raises
        ------
        ImageError
            When one of the two units is not known.

        Examples
        --------
        >>> PixelSize(0.5, 0.25, "um", 2.0).in_unit("nm")
        PixelSize(row=500.0, column=250.0, unit='nm', slice=2000.0)
        """
        if self.unit == unit:
            return self
        if self.unit not in METRES or unit not in METRES:
            raise ImageError(f"Lengths in {self.unit!r} cannot be told in {unit!r}.")
        # A quotient of the smaller by the larger is exact more often than their product.
        many, few = METRES[self.unit], METRES[unit]
        factor = round(many / few) if many >= few else 1 / round(few / many)
        depth = None if self.slice is None else self.slice * factor
        return PixelSize(self.row * factor, self.column * factor, unit, depth)


def checked_size(value: object) -> PixelSize:
    """Refuse what is no pixel size, such as a number that does not say its unit.

    Raises
    ------
    ParameterError
    """
    advice = " Such as napari_sam.PixelSize(0.5, 0.5, 'um')."
    return checks.instance(value, PixelSize, "pixel_size", ParameterError, advice)


def step_of(spacing: tuple[float, float, float]) -> float:
    """Return the distance between slices in widths of a pixel, for lengths of any size.

    Examples
    --------
    >>> step_of((1.0, 0.5, 0.5)), step_of((1e-200, 1e-200, 1e-200))
    (2.0, 1.0)
    """
    step = spacing[0] / spacing[1] / math.sqrt(spacing[2] / spacing[1])
    return min(max(step, 1e-9), 1e9)


def sensible_length(value: object) -> float | None:
    """Return a length that a file states, or None where it states nonsense.

    Files of single planes give a distance of 0 between slices, uncalibrated ones infinite or
    negative pixels; what they hold besides is fine.

    Examples
    --------
    >>> sensible_length("0.5"), sensible_length(0), sensible_length("inf"), sensible_length("-1")
    (0.5, None, None, None)
    """
    try:
        length = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    # Denormal lengths have no finite inverse, by which TIFF stores them.
    usable = math.isfinite(length) and length > 0 and math.isfinite(1 / length)
    return length if usable else None


def stated_size(row: object, column: object, slice_: object, unit: str | None) -> PixelSize | None:
    """Build a pixel size of what a file states, leaving out lengths that make no sense.

    Returns
    -------
    PixelSize or None
        None without a unit, or when rows or columns have no sensible length: half a pixel size
        measures nothing.
    """
    down, right = sensible_length(row), sensible_length(column)
    if unit is None or down is None or right is None:
        return None
    return PixelSize(down, right, unit, sensible_length(slice_))
