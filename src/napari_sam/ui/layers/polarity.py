"""Whether a point or a line says "this" or "not this": a column of its layer's features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.prompts import BACKGROUND, FOREGROUND

if TYPE_CHECKING:
    from napari.layers import Points, Shapes

POLARITY = "polarity"
OBJECT, NOT_OBJECT = "object", "background"
#: Columns in which people and other programs say it, the first that fits counts.
_COLUMNS = (POLARITY, "label", "labels", "sign", "prompt", "type")
_NEGATIVE = {
    *("background", "negative", "neg", "bg", "outside", "exclude", "not", "not this"),
    *("0", "0.0", "-1", "-1.0", "-", "false"),
}
_POSITIVE = {
    *("object", "positive", "pos", "foreground", "fg", "inside", "include", "this"),
    *("1", "1.0", "+", "true"),
}


def _word(value: Any) -> str:
    return str(value).strip().lower()


def column_of(points: Points | Shapes) -> str | None:
    """Name the column that says what points mean; None when there is none.

    The plugin's own name counts whatever its values are. Any other must hold words for both, or
    for one of them, and nothing else: a column ``label`` may just as well hold numbers of cells.
    """
    if POLARITY in points.features:
        return POLARITY
    names = {_word(name): name for name in points.features}
    for wanted in _COLUMNS:
        if wanted not in names:
            continue
        said = {_word(value) for value in points.features[names[wanted]].dropna()}
        if said and said <= _NEGATIVE | _POSITIVE:
            return str(names[wanted])
    return None


def polarity(points: Points | Shapes) -> npt.NDArray[np.int64]:
    """Read which points say "not this"; all say "this" when the layer does not tell.

    Returns
    -------
    (N,) int array
        1 this, 0 not this.
    """
    column = column_of(points)
    if column is None:
        return np.full(len(points.data), FOREGROUND, dtype=np.int64)
    words = points.features[column].astype(str).str.strip().str.lower()
    return np.where(words.isin(_NEGATIVE), BACKGROUND, FOREGROUND).astype(np.int64)


def say_next(points: Points | Shapes, label: int) -> None:
    """Set what the next point of a layer will say, in the words that the layer uses."""
    column = column_of(points)
    if column is None:
        if label == FOREGROUND:
            return  # which is what a point says without a column
        points.features = points.features.assign(**{POLARITY: OBJECT})
        column = POLARITY
    value = _value(points, column, label)
    now = points.feature_defaults.iloc[0].to_dict()
    if now.get(column) != value:
        points.feature_defaults = {**now, column: value}


def _value(points: Points | Shapes, column: str, label: int) -> Any:
    """The value of a column that stands for a label: one that is there, else one like those."""
    wanted = _NEGATIVE if label == BACKGROUND else _POSITIVE
    said = points.features[column]
    known = list(said.cat.categories) if hasattr(said, "cat") else list(said.dropna().unique())
    for value in known:
        if _word(value) in wanted:
            return value
    if np.issubdtype(np.asarray(said).dtype, np.number):
        return label
    if known and _word(known[0]) in ("positive", "negative"):
        return "negative" if label == BACKGROUND else "positive"
    return NOT_OBJECT if label == BACKGROUND else OBJECT
