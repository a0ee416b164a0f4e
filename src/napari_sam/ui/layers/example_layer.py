"""The layer of boxes around examples that the plugin makes when the person draws the first one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam.prompts import FOREGROUND
from napari_sam.ui.layers.label_grid import transform_of
from napari_sam.ui.layers.ours import OurLayers
from napari_sam.ui.layers.own_layers import BACKGROUND_COLOUR, OBJECT_COLOUR
from napari_sam.ui.layers.polarity import POLARITY, polarity

if TYPE_CHECKING:
    from napari.layers import Image, Shapes

EXAMPLES_NAME = "SAM examples"
_LIKE, _UNLIKE = "+", "-"  # what boxes say, and show


def new_examples(ours: OurLayers, image: Image) -> Shapes:
    """Add an empty Shapes layer for boxes around examples, each with a plus or a minus."""
    import pandas as pd
    from napari.layers import Shapes

    layer = Shapes(
        ndim=image.ndim,
        name=EXAMPLES_NAME,
        features=pd.DataFrame({POLARITY: pd.Categorical([], categories=[_LIKE, _UNLIKE])}),
        feature_defaults={POLARITY: _LIKE},
        text={"string": f"{{{POLARITY}}}", "color": "white", "size": 12, "anchor": "upper_left"},
        edge_color=OBJECT_COLOUR,
        face_color="transparent",
        edge_width=2,
        **transform_of(image),
    )
    ours.add(layer, quietly=False, on=image)
    return layer


def colour_next(shapes: Shapes, label: int) -> None:
    """Draw the next box of our own layer in the colour of what it says."""
    shapes.current_edge_color = OBJECT_COLOUR if label == FOREGROUND else BACKGROUND_COLOUR


def colour_examples(shapes: Shapes) -> None:
    """Colour boxes of our own layer by what they say."""
    wanted = [OBJECT_COLOUR if s == FOREGROUND else BACKGROUND_COLOUR for s in polarity(shapes)]
    if wanted:
        shapes.edge_color = wanted
