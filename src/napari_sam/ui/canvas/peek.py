"""A look at the bare image: everything that lies on it is unseen while a key is held."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sam.ui.layers.ours import OurLayers


def peek(ours: OurLayers) -> Generator[None, None, None]:
    """Hide labels and all that is ours until the key goes up.

    By their opacity: a layer that is not visible says nothing to the model, and the marks of the
    cell in hand still count.
    """
    from napari.layers import Labels

    layers = ours.viewer.layers
    held = [
        (la, la.opacity) for la in layers if la.visible and (la in ours or isinstance(la, Labels))
    ]
    for layer, _ in held:
        layer.opacity = 0.0
    yield
    for layer, opacity in held:
        if layer.opacity == 0.0:  # else somebody has set another meanwhile
            layer.opacity = opacity
