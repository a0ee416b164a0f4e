"""Colours of labels while they are reviewed: hidden objects, and the certainty of the others.

Only the colour map of the layer changes, so nothing can get lost, and 500 objects take some
hundredths of a second. The person's own colours come back when there is nothing to show.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.classes import colours_of, rgb
from napari_sam.ui.layers.notes import COLOURS, forget, note, noted

if TYPE_CHECKING:
    from napari.layers import Labels

# Even in brightness and told apart by everybody; what is doubtful is bright.
SCALE = "viridis"
_SHADES = 64
_DOUBTFUL = 0.5  # and below: as likely wrong as right
_UNKNOWN = (0.6, 0.6, 0.6, 1.0)


def shade(scores: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Colour scores: one half and less bright yellow, one dark blue; (N, 4) RGBA."""
    from napari.utils.colormaps import ensure_colormap

    known = np.nan_to_num(np.clip(scores, _DOUBTFUL, 1), nan=_DOUBTFUL)
    doubt = np.round((1 - known) / (1 - _DOUBTFUL) * (_SHADES - 1)) / (_SHADES - 1)
    colours = np.asarray(ensure_colormap(SCALE).map(doubt), dtype=np.float32)
    colours[~np.isfinite(scores)] = _UNKNOWN
    return colours


def class_shade(
    classes: Mapping[int, str],
    suggested: Collection[int],
    ids: npt.NDArray[np.int64],
    chosen: Mapping[str, str] | None = None,
    names: Iterable[str] = (),
) -> npt.NDArray[np.float32]:
    """Colour objects by class, paler where it is only suggested; (N, 4) RGBA.

    All classes that there are have a colour of their own, those of other slices too: on every
    slice a class looks the same.
    """
    known = colours_of([*names, *classes.values()], chosen)
    palette = {name: np.array(rgb(colour)) / 255 for name, colour in known.items()}
    colours = np.tile(np.array(_UNKNOWN, np.float32), (len(ids), 1))
    for at, number in enumerate(ids.tolist()):
        if number in classes:
            colours[at, :3] = palette[classes[number]]
            if number in suggested:
                colours[at, :3] = (1 + colours[at, :3]) / 2
    return colours


class Colouring:
    """Shows a layer with colours of ours, and gives the person's back.

    The layer notes which they are, so that several panels can colour it, and end in any order.
    """

    def __init__(self) -> None:
        self._layer: Labels | None = None
        self._ours: Any = None

    def show(
        self,
        layer: Labels,
        ids: npt.NDArray[np.int64],
        hidden: npt.NDArray[np.bool_],
        colours: npt.NDArray[np.float32] | None,
    ) -> None:
        """Hide some objects and colour the others, or leave them in the person's colours.

        Parameters
        ----------
        ids : (N,) int array
        hidden : (N,) bool array
        colours : (N, 4) float array or None
            Red, green, blue and opacity; None keeps the person's colours.
        """
        from napari.utils.colormaps import DirectLabelColormap

        if layer is not self._layer:
            self.restore()
        if not hidden.any() and colours is None:
            self.restore()
            return
        shown, theirs = noted(layer, COLOURS, (None, None))
        if layer.colormap is not shown:  # nobody's, or the person has chosen others meanwhile
            theirs = layer.colormap
        if colours is None:
            colours = np.array(theirs.map(ids), dtype=np.float32).reshape(-1, 4)
        colours[hidden] = 0
        table: dict[int | None, Any] = {None: _UNKNOWN, 0: "transparent"}
        table.update({int(i): colour for i, colour in zip(ids, colours, strict=True)})
        ours = DirectLabelColormap(color_dict=table)
        ours.use_selection, ours.selection = layer.show_selected_label, layer.selected_label
        note(layer, COLOURS, (ours, theirs))
        layer.colormap = ours
        self._layer, self._ours = layer, ours

    def restore(self) -> None:
        """Give the person's colours back, unless others have been chosen since."""
        layer, ours = self._layer, self._ours
        self._layer = self._ours = None
        if layer is not None and layer.colormap is ours:
            _, layer.colormap = noted(layer, COLOURS)
            forget(layer, COLOURS)
