"""The prompt layers that the plugin makes when the person asks for "new" ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sam.images import Plane
from napari_sam.prompts import FOREGROUND
from napari_sam.ui.layers.label_grid import transform_of
from napari_sam.ui.layers.ours import OurLayers
from napari_sam.ui.layers.planes import to_data
from napari_sam.ui.layers.polarity import NOT_OBJECT, OBJECT, POLARITY, polarity, say_next

if TYPE_CHECKING:
    from napari.layers import Image, Points, Shapes

POINTS_NAME = "SAM points"
SHAPES_NAME = "SAM shapes"
REGION_NAME = "SAM region"
REGION_COLOUR = "#64b5f6"
OBJECT_COLOUR = "#12b5a6"
BACKGROUND_COLOUR = "#f58a1f"
# A plus and a minus: told apart without colour.
OBJECT_SYMBOL, BACKGROUND_SYMBOL = "cross", "hbar"
_SIZE = 12  # pixels of the image, from afar: smaller than a cell
# At most so many pixels of the screen. napari gives marks whose size it limits a border of half the
# lower limit at least, which would make a dot of a plus: there is none.
_ON_SCREEN = (0.0, 15.0)


def new_points(ours: OurLayers, image: Image) -> Points:
    """Add an empty Points layer for prompts on the image's grid, leaving the selection alone."""
    import pandas as pd
    from napari.layers import Points

    layer = Points(
        np.empty((0, image.ndim)),
        name=POINTS_NAME,
        features=pd.DataFrame(
            {POLARITY: pd.Categorical([], categories=[OBJECT, NOT_OBJECT])},
        ),
        feature_defaults={POLARITY: OBJECT},
        size=_SIZE,
        canvas_size_limits=_ON_SCREEN,
        face_color=OBJECT_COLOUR,
        border_color=OBJECT_COLOUR,
        border_width=0,
        symbol=OBJECT_SYMBOL,
        **transform_of(image),
    )
    ours.add(layer, on=image)
    return layer


def new_shapes(ours: OurLayers, image: Image, *, draw_boxes: bool = True) -> Shapes:
    """Add an empty Shapes layer for boxes, lines and outlines on the image's grid.

    Parameters
    ----------
    ours : OurLayers
    image : Image layer
    draw_boxes : bool
        Whether it becomes the active layer, and drags draw boxes in it.
    """
    import pandas as pd
    from napari.layers import Shapes

    layer = Shapes(
        ndim=image.ndim,
        name=SHAPES_NAME,
        features=pd.DataFrame({POLARITY: pd.Categorical([], categories=[OBJECT, NOT_OBJECT])}),
        feature_defaults={POLARITY: OBJECT},
        edge_color=OBJECT_COLOUR,
        face_color="transparent",
        edge_width=2,
        **transform_of(image),
    )
    ours.add(layer, quietly=not draw_boxes, on=image)
    if draw_boxes:
        layer.mode = "add_rectangle"
    return layer


def new_region(ours: OurLayers, image: Image) -> Shapes:
    """Add an empty Shapes layer for outlines of regions on the image's grid, quietly."""
    from napari.layers import Shapes

    layer = Shapes(ndim=image.ndim, name=REGION_NAME, **transform_of(image))
    ours.add(layer, on=image)
    return layer


def add_shape(shapes: Shapes, corners: npt.NDArray[np.float64], kind: str, label: int) -> None:
    """Add a shape of ours, in the colour of what it says.

    Parameters
    ----------
    shapes : Shapes layer
    corners : (N, D) array
        In data coordinates.
    kind : str
        What napari calls it: ``"path"``, ``"polygon"``, ``"rectangle"``.
    label : {1, 0}
        Object, or background.
    """
    say_next(shapes, label)
    colour = OBJECT_COLOUR if label == FOREGROUND else BACKGROUND_COLOUR
    how = {"edge_color": colour, "face_color": "transparent", "edge_width": 2}
    shapes.add(corners, shape_type=kind, **how)
    say_next(shapes, FOREGROUND)


def add_point(
    viewer: Any,
    points: Points,
    image: Image,
    plane: Plane,
    rowcol: tuple[float, float],
    label: int,
    *,
    ours: bool,
) -> None:
    """Add one prompt point, given in pixels of the plane, to a Points layer."""
    coordinates = plane.to_data([rowcol])
    if not ours:  # ours lies on the image
        coordinates = to_data(viewer, image, points, coordinates)
    say_next(points, label)
    append_points(points, coordinates, ours=ours)


def append_points(
    points: Points, coordinates: npt.NDArray[np.float64], *, ours: bool = False
) -> None:
    """Append points without selecting them, as `Points.add` would.

    A selected point takes on the style of the next one. Besides, removing a layer that has drawn
    the highlight of a selection crashes Mesa's software renderer.

    Parameters
    ----------
    ours : bool
        Whether the layer is ours. Nobody else waits for its events then, and its points lie on
        the image: napari, which works out the whole scene twice at every such event, need not.
        It is not painted yet either; `MarkLayers.paint` does that.
    """
    data = np.concatenate([points.data, np.reshape(coordinates, (-1, points.ndim))])
    if not ours:
        points.data = data
        return
    with points.events.data.blocker(), points.events.set_data.blocker():
        points.data = data


def style_points(points: Points) -> None:
    """Give every point of our own layer the colour and symbol of what it says."""
    said: npt.NDArray[np.int64] = polarity(points)
    symbols = [OBJECT_SYMBOL if s == FOREGROUND else BACKGROUND_SYMBOL for s in said]
    if [str(symbol) for symbol in points.symbol] == symbols:
        return  # every change costs a redraw
    colours = [OBJECT_COLOUR if s == FOREGROUND else BACKGROUND_COLOUR for s in said]
    # The border as well: a cross is so thin that little else is seen of it.
    points.face_color = points.border_color = colours
    points.symbol = symbols


def drawn_in_threads() -> bool:
    """Whether napari slices layers in threads of its own."""
    from napari.settings import get_settings

    return bool(get_settings().experimental.async_)


def remove_points(points: Points, rows: list[int]) -> None:
    """Delete points of our own layer by their row; see `append_points` for how and why."""
    if rows:
        features = points.features.drop(index=rows).reset_index(drop=True)
        points.selected_data = set()
        with points.events.data.blocker():
            points.data = np.delete(points.data, rows, axis=0)
        points.features = features


def remove_specks(shapes: Shapes, sides: npt.NDArray[np.float64], newest: int) -> None:
    """Take away the tiny rectangles that clicks leave while boxes are drawn.

    Parameters
    ----------
    shapes : Shapes layer
    sides : (D,) array
        How large they are at most, in data pixels.
    newest : int
        So many of the last shapes are looked at: a box that was drawn at a higher zoom may be as
        small by now.
    """
    count = len(shapes.data)
    specks = [
        row
        for row in range(max(count - newest, 0), count)
        if shapes.shape_type[row] == "rectangle"
        and (np.ptp(shapes.data[row], axis=0) <= sides).all()
    ]
    remove_shapes(shapes, specks)


def remove_shapes(shapes: Shapes, rows: list[int]) -> None:
    """Delete shapes by their row."""
    if rows:
        shapes.selected_data = set(rows)
        shapes.remove_selected()
