"""Arguments, checked in one place: what is not of its kind is refused, and told what to do.

Each function takes a value as it was passed, its name for the message, and the class of error
that the caller raises; it returns the value in the type that the rest of the package works with.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from napari_sam.array_kinds import is_array
from napari_sam.errors import ImageError, LabelsError, NapariSamError, ParameterError
from napari_sam.spelling import instead_of

FAR = 1e9  # pixels; no place of any image is farther away
MOST_CORNERS = 10_000  # of a drawn line or polygon: hands draw fewer
MOST_PIXELS = 2**31  # of a plane that a mask is made for
MOST_ID = 2**63 - 1

Error = type[NapariSamError]
T = TypeVar("T")


def array(
    value: Any,
    name: str,
    error: Error = ParameterError,
    *,
    kinds: str = "biuf",
    ndim: int | None = None,
) -> npt.NDArray[Any]:
    """Return a value as an array of plain numbers.

    Parameters
    ----------
    value : array-like
    name : str
        What the message calls it.
    error : type of NapariSamError
    kinds : str
        Kinds of types that are allowed: ``b`` bool, ``i`` and ``u`` whole numbers, ``f`` real
        numbers. Never objects, text, dates or complex numbers.
    ndim : int, optional
        How many axes it has.

    Examples
    --------
    >>> array([[1, 2], [3]], "points")
    Traceback (most recent call last):
    napari_sam.errors.ParameterError: points must be numbers in rows of one length, \
got [[1, 2], [3]].
    """
    if np.ma.isMaskedArray(value) and np.ma.is_masked(value):
        raise error(f"{name} has masked values: say what they are with its method filled().")
    try:
        found = np.asarray(value)
    except Exception as why:
        raise error(
            f"{name} must be numbers in rows of one length, got {reprlib.repr(value)}."
            + instead_of(value)
        ) from why
    if found.size and found.dtype.kind not in kinds:
        raise error(
            f"{name} must be {_words(kinds)}, got {_told(value, found)}.{instead_of(value)}"
        )
    if ndim is not None and found.ndim != ndim:
        raise error(f"{name} must have {ndim} axes, got shape {found.shape}.")
    return found


def finite(found: npt.NDArray[Any], name: str, error: Error = ParameterError) -> None:
    """Refuse an array that contains NaN or infinity."""
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise error(f"{name} must not contain NaN or infinity: leave such values out.")


def places(
    value: Any, columns: int, name: str, error: Error = ParameterError
) -> npt.NDArray[np.float64]:
    """Return coordinates in pixels as an array (N, columns) of its own.

    One row may be given without brackets; nothing gives (0, columns).
    """
    given = array(value, name, error, kinds="iuf")
    if given.size == 0:
        return np.empty((0, columns))
    found = np.array(given, dtype=np.float64, ndmin=2)
    if found.ndim != 2 or found.shape[1] != columns:
        raise error(
            f"{name} must have shape (N, {columns}), got {given.shape}. "
            "Coordinates are (row, column) of one plane, without the slice index."
        )
    finite(found, name, error)
    if np.abs(found).max() > FAR:
        raise error(f"{name} lie more than {FAR:.0e} pixels away: {reprlib.repr(found.tolist())}.")
    return found


def corners(
    value: Any, least: int, name: str, error: Error = ParameterError
) -> npt.NDArray[np.float64]:
    """Return the corners (N, 2) of a drawn line or polygon, at least `least`."""
    found = places(value, 2, name, error)
    if len(found) < least:
        raise error(f"{name} needs at least {least} corners (row, column), got {len(found)}.")
    if len(found) > MOST_CORNERS:
        raise error(f"{name} has {len(found)} corners, more than {MOST_CORNERS}: simplify it.")
    return found


def number(
    value: Any,
    name: str,
    low: float = -math.inf,
    high: float = math.inf,
    error: Error = ParameterError,
) -> float:
    """Return a finite number from `low` to `high`.

    Examples
    --------
    >>> number(float("nan"), "diameter", 0)
    Traceback (most recent call last):
    napari_sam.errors.ParameterError: diameter must be a finite number of at least 0, got nan.
    """
    if (
        isinstance(value, bool | np.bool_ | np.timedelta64)
        or not isinstance(value, int | float | np.integer | np.floating)
        or not low <= value <= high
        or not _is_finite(value)
    ):
        bounds = "" if low == -math.inf else f" of at least {low:g}"
        bounds += "" if high == math.inf else f"{' and' if bounds else ' of'} at most {high:g}"
        raise error(f"{name} must be a finite number{bounds}, got {reprlib.repr(value)}.")
    return float(value)


def positive(value: Any, name: str, error: Error = ParameterError) -> float:
    """Return a finite number above 0."""
    try:
        found = number(value, name, 0, error=error)
    except NapariSamError:
        found = 0.0
    if found <= 0:
        raise error(f"{name} must be positive and finite, got {reprlib.repr(value)}.")
    return found


def whole(
    value: Any, name: str, least: int = 0, most: int = MOST_ID, error: Error = ParameterError
) -> int:
    """Return a whole number from `least` to `most`; a float counts when it is one."""
    is_whole = not isinstance(value, bool | np.bool_ | np.timedelta64) and (
        isinstance(value, int | np.integer)
        or (isinstance(value, float | np.floating) and float(value).is_integer())
    )
    if not is_whole or not least <= value <= most:
        top = "" if most == MOST_ID and not (is_whole and value > most) else f" and at most {most}"
        raise error(
            f"{name} must be a whole number of at least {least}{top}, got {reprlib.repr(value)}."
        )
    return int(value)


def plane_shape(value: Any, error: Error) -> tuple[int, int]:
    """Return the rows and columns of a plane."""
    found = array(value, "shape", error, kinds="iuf")
    if found.shape != (2,):
        raise error(
            f"shape must be the rows and columns of one plane, (H, W), got {reprlib.repr(value)}."
        )
    height, width = (whole(side, "shape (H, W)", 1, error=error) for side in found)
    if height * width > MOST_PIXELS:
        raise error(f"shape {height} x {width} is more than {MOST_PIXELS} pixels: use a part.")
    return height, width


def corner(value: Any, name: str, error: Error = ParameterError) -> tuple[int, int]:
    """Return row and column of a pixel, none below 0."""
    found = array(value, name, error, kinds="iu")
    if found.shape != (2,) or found.min() < 0:
        raise error(f"{name} must be row and column of a pixel, got {reprlib.repr(value)}.")
    return int(found[0]), int(found[1])


def window(
    value: Any, name: str, error: Error = ParameterError
) -> tuple[float, float, float, float]:
    """Return edges ``(r0, c0, r1, c1)`` of a region that has an area."""
    found = array(value, name, error, kinds="iuf")
    if found.shape != (4,):
        raise error(f"{name} must be four numbers (r0, c0, r1, c1), got {reprlib.repr(value)}.")
    r0, c0, r1, c1 = (float(edge) for edge in places(found, 4, name, error)[0])
    if not (r0 < r1 and c0 < c1):
        raise error(f"{name} must go down and to the right, r0 < r1 and c0 < c1, got {found}.")
    return r0, c0, r1, c1


def spacing(value: Any) -> tuple[float, float, float]:
    """Return the distances (z, y, x) between voxels."""
    found = array(value, "spacing", ParameterError, kinds="iuf")
    if found.shape != (3,) or not (np.isfinite(found) & (found > 0)).all():
        raise ParameterError(
            f"spacing is three positive lengths (z, y, x), got {reprlib.repr(value)}."
        )
    return float(found[0]), float(found[1]), float(found[2])


def limits(value: Any) -> tuple[float, float]:
    """Return contrast limits: two finite numbers, the first one lower.

    Raises
    ------
    ImageError
    """
    found = array(value, "Contrast limits", ImageError, kinds="iuf")
    if found.shape != (2,):
        raise ImageError(
            f"Contrast limits must be two numbers (low, high), got {reprlib.repr(value)}."
        )
    low, high = (float(limit) for limit in found)
    if not (low < high and math.isfinite(high - low)):
        raise ImageError(f"Contrast limits must be finite and increasing, got ({low}, {high}).")
    return low, high


def one_of(value: Any, choices: Iterable[str], name: str, error: Error = ParameterError) -> str:
    """Return one of several words."""
    allowed = tuple(choices)
    if not isinstance(value, str) or value not in allowed:
        raise error(
            f"{name} must be one of {', '.join(map(repr, allowed))}, got {reprlib.repr(value)}."
        )
    return value


def flag(value: Any, name: str) -> bool:
    """Return True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be True or False, got {reprlib.repr(value)}.")
    return bool(value)


def text(value: Any, name: str, error: Error = ParameterError) -> str:
    """Return text."""
    if not isinstance(value, str):
        raise error(f"{name} must be text, got {reprlib.repr(value)}.")
    return value


def labels(
    value: Any, name: str = "labels", *, ndim: int | None = 2, error: Error = LabelsError
) -> npt.NDArray[np.integer[Any]]:
    """Return labels as they are, an array of whole numbers; nothing is read of what is large."""
    writable = not isinstance(value, np.ndarray) and hasattr(value, "__setitem__")
    if ndim is None and writable and is_array(value) and np.dtype(value.dtype).kind in "iu":
        return value  # type: ignore[no-any-return]  # zarr or alike, which is not read for this
    found = array(value, name, error, kinds="iu", ndim=ndim)
    if found.dtype.kind not in "iu":  # without pixels
        raise error(f"{name} must be whole numbers, got type {found.dtype}.")
    return found


def ids_fit(found: npt.NDArray[Any], name: str = "labels", error: Error = LabelsError) -> None:
    """Refuse labels with ids above `MOST_ID`, which only 64 bits without a sign can hold.

    Inside the package ids have a sign: wrapped round, such an id would mean another object.
    """
    if found.dtype.kind == "u" and found.dtype.itemsize > 4 and found.size:
        top = int(found.max())
        if top > MOST_ID:
            raise error(
                f"{name} hold the id {top}, and ids go up to {MOST_ID}: number the objects anew, "
                "for example by skimage.segmentation.relabel_sequential."
            )


def mask(
    value: Any, shape: tuple[int, ...], name: str = "mask", error: Error = LabelsError
) -> npt.NDArray[np.bool_]:
    """Return a mask, an array of True and False of this shape."""
    found = array(value, name, error, kinds="b")
    if found.shape != shape:
        raise error(f"{name} has shape {found.shape}, but the labels' plane has {shape}.")
    return found


def ids(value: Any, name: str = "ids", error: Error = LabelsError) -> list[int]:
    """Return ids of objects, in order and each once; 0 is the background and has none."""
    try:
        given = list(value)
    except Exception as why:
        raise error(f"{name} must be a list of whole numbers, got {reprlib.repr(value)}.") from why
    return list(dict.fromkeys(whole(one, f"An id among {name}", error=error) for one in given))


def instance(
    value: Any, kind: type[T], name: str, error: Error = ParameterError, advice: str = ""
) -> T:
    """Return an object of a class; the message for what is none ends with the advice."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        got = reprlib.repr(value)
        raise error(f"{name} must be {article} {kind.__name__}, got {got}.{advice}")
    return value


def instances(values: Any, kind: type[T], name: str, error: Error = ParameterError) -> Sequence[T]:
    """Return several objects of a class; one alone is none of several."""
    if isinstance(values, kind) or not isinstance(values, Sequence):
        got = reprlib.repr(values)
        raise error(f"{name} must be a list of {kind.__name__} objects, got {got}.")
    return [instance(value, kind, f"Each of {name}", error) for value in values]


def reports(progress: Any) -> None:
    """Refuse what cannot be told where work stands."""
    if not callable(progress):
        raise ParameterError(
            "progress must be a function that takes the fraction done, such as "
            f"napari_sam.ProgressLine(), got {reprlib.repr(progress)}."
        )


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _words(kinds: str) -> str:
    if kinds == "b":
        return "True and False"
    return "numbers" if "f" in kinds else "whole numbers"


def _told(value: Any, found: npt.NDArray[Any]) -> str:
    if found.size <= 6:
        return reprlib.repr(value)
    return f"type {found.dtype}, shape {found.shape}"
