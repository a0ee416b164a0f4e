"""Whether a point, a line or a box says "this" or "not this": a column of its layer's features."""

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


def column_of(layer: Points | Shapes) -> str | None:
    """Name the column that says what marks mean; None when there is none.

    The plugin's own name counts whatever its values are. Any other must hold words for both, or
    for one of them, and nothing else: a column ``label`` may just as well hold numbers of cells.
    """
    if POLARITY in layer.features:
        return POLARITY
    names = {_word(name): name for name in layer.features}
    for wanted in _COLUMNS:
        if wanted not in names:
            continue
        said = {_word(value) for value in layer.features[names[wanted]].dropna()}
        if said and said <= _NEGATIVE | _POSITIVE:
            return str(names[wanted])
    return None


def polarity(layer: Points | Shapes) -> npt.NDArray[np.int64]:
    """Read which marks say "not this"; all say "this" when the layer does not tell.

    Returns
    -------
    (N,) int array
        1 this, 0 not this.
    """
    column = column_of(layer)
    if column is None:
        return np.full(len(layer.data), FOREGROUND, dtype=np.int64)
    words = layer.features[column].astype(str).str.strip().str.lower()
    return np.where(words.isin(_NEGATIVE), BACKGROUND, FOREGROUND).astype(np.int64)


def says_next(layer: Points | Shapes) -> int:
    """Tell what the next mark of a layer will say: 1 this, 0 not this."""
    column = column_of(layer)
    if column is None:
        return FOREGROUND
    word = _word(layer.feature_defaults.iloc[0][column])
    return BACKGROUND if word in _NEGATIVE else FOREGROUND


def say_next(layer: Points | Shapes, label: int) -> None:
    """Set what the next mark of a layer will say, in the words that the layer uses."""
    column = column_of(layer)
    if column is None:
        if label == FOREGROUND:
            return  # which is what a mark says without a column
        layer.features = layer.features.assign(**{POLARITY: OBJECT})
        column = POLARITY
    value = _value(layer, column, label)
    now = layer.feature_defaults.iloc[0].to_dict()
    if now.get(column) != value:
        layer.feature_defaults = {**now, column: value}


def _value(layer: Points | Shapes, column: str, label: int) -> Any:
    """The value of a column that stands for a label: one that is there, else one like those."""
    wanted = _NEGATIVE if label == BACKGROUND else _POSITIVE
    said = layer.features[column]
    known = list(said.cat.categories) if hasattr(said, "cat") else list(said.dropna().unique())
    for value in known:
        if _word(value) in wanted:
            return value
    if np.issubdtype(np.asarray(said).dtype, np.number):
        return label
    if known and _word(known[0]) in ("positive", "negative"):
        return "negative" if label == BACKGROUND else "positive"
    return NOT_OBJECT if label == BACKGROUND else OBJECT
