"""What can be made of the slices of an image, and how far apart they are."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_sam.images import Image as Pixels
from napari_sam.images import Plane
from napari_sam.methods.along import axis_along
from napari_sam.methods.method import Method
from napari_sam.methods.registry import joining
from napari_sam.segmentation import Segmentation
from napari_sam.stacks.tracks import Tracks
from napari_sam.ui.layers.axes import letters_of
from napari_sam.ui.layers.planes import distances

if TYPE_CHECKING:
    from napari.layers import Image


def offered(image: Image | None, plane: Plane | None, base: str) -> list[Method[Any]]:
    """List the methods that can join what a method finds on the slices of an image.

    Parameters
    ----------
    image : Image layer or None
    plane : Plane or None
        As it is shown.
    base : str
        Name of the method that looks at the slices.

    Returns
    -------
    list of Method
        Those along an axis whose label says so; where labels say nothing, the person knows.
    """
    if image is None or image.ndim < 3:
        return []
    letters = "Q" if plane is None else letters_of(image, plane)
    return [known for known in joining(base) if known.along in letters or "Q" in letters]


def with_spacing(options: Any, image: Image, plane: Plane, pixels: Pixels) -> Any:
    """Return options that know how far apart the slices are, where they ask for that.

    Parameters
    ----------
    options : dataclass
        Of a method.
    image : Image layer
        Its scale says it, in lengths or just in widths of a pixel.
    plane : Plane
    pixels : Image
        What is searched.
    """
    if "spacing" not in {one.name for one in fields(options)} or options.spacing is not None:
        return options
    across = axis_along(pixels, "Z")
    units = {str(image.units[axis]) for axis in (across, *plane.axes)}
    if len(units) > 1:
        return options
    steps = distances(image)
    return replace(options, spacing=tuple(steps[axis] for axis in (across, *plane.axes)))


def weakest(whole: Segmentation, pixels: Pixels) -> pd.DataFrame:
    """Tell where each object is to be looked at first: where it is least certain.

    Returns
    -------
    pandas.DataFrame
        ``label``, and ``axis_0``, ...: the place along the axis that was joined.
    """
    table = whole.table
    if not isinstance(whole, Tracks):
        place = {f"axis_{axis_along(pixels, 'Z')}": table["weakest"]}
        return pd.DataFrame({"label": table["label"], **place})
    axis = axis_along(pixels, "T")
    found = pd.DataFrame({"label": table["label"], f"axis_{axis}": table["weakest"]})
    if "centroid_slice" in whole.cells:
        cells = whole.cells.rename(columns={"frame": f"axis_{axis}"})
        across = found.merge(cells, on=["label", f"axis_{axis}"])["centroid_slice"]
        found[f"axis_{axis_along(pixels, 'Z')}"] = np.rint(across).astype(np.int64)
    return found
