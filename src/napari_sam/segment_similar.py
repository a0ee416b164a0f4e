"""Objects like a few examples, from a script."""

from __future__ import annotations

from typing import Any

from napari_sam import checks
from napari_sam.engine.whole import ModelSource, models_for, segment_image
from napari_sam.images import Image
from napari_sam.methods.option import given
from napari_sam.methods.similar_options import SimilarOptions
from napari_sam.objects.examples import Examples
from napari_sam.pixel_size import PixelSize
from napari_sam.progress import Progress, silent
from napari_sam.segmentation import Segmentation


def find_similar(
    image: Any,
    examples: Any,
    model: ModelSource = "cells",
    *,
    unlike: Any = None,
    likeness: float = 0.5,
    shown_on: Any = None,
    pixel_size: PixelSize | None = None,
    limits: tuple[float, float] | None = None,
    rgb: bool | None = None,
    device: str = "auto",
    progress: Progress = silent,
    **options: Any,
) -> Segmentation:
    """Find the cells that look like a few examples.

    All cells are found, as by `napari_sam.segment_cells`, and described by their shape, their
    brightness and the means and spreads of the model's features over each. What tells the
    examples from all others is then learnt, see `napari_sam.objects.likeness.Likeness`.

    Parameters
    ----------
    image : (..., H, W) or (..., H, W, 3) array of any real type, or Image
        A plane, or a stack whose planes are searched one by one.
    examples : integer array, mask or masks, or Examples
        Labels of the image's rows and columns with an id per example, 0 elsewhere; or a mask,
        each piece of which is an example; or, of a plane, a list of masks.
    model : Model, str or Path
        A loaded model, a name from the zoo, or a checkpoint's path.
    unlike : as `examples`, optional
        What is not meant. A few of them sharpen the search much.
    likeness : float
        0 to 1; cells less likely to be like the examples are left out, 0 leaves none out.
    shown_on : array or Image, optional
        The image that `examples` and `unlike` are marked on, if it is another one.
    pixel_size, limits, rgb, device, progress
        As of `segment_cells`.
    **options
        How cells are cut out, see `napari_sam.methods.options.CellOptions`.

    Returns
    -------
    Segmentation
        ``labels`` int32, on every plane the most similar first, ids unique over the whole stack.
        ``table`` as of `napari_sam.segmentation.measure`, with a column ``similarity``, 0 to 1,
        the most similar first.

    Raises
    ------
    ParameterError, ImageError, LabelsError, ModelError, Cancelled

    Examples
    --------
    >>> import numpy as np
    >>> import napari_sam as ns
    >>> from skimage.data import coins
    >>> image = coins()
    >>> cells = ns.segment_cells(image)
    >>> large = np.isin(cells.labels, cells.table.nlargest(3, "area")["label"])
    >>> small = np.isin(cells.labels, cells.table.nsmallest(3, "area")["label"])
    >>> alike = find_similar(image, large, unlike=small)
    >>> len(alike) < len(cells), bool(alike.table["similarity"].is_monotonic_decreasing)
    (True, True)
    """
    described = Image.of(image, rgb=rgb, limits=limits, pixel_size=pixel_size)
    shown = described if shown_on is None else Image.of(shown_on)
    yes = _examples(shown, examples)
    no = None if unlike is None else _examples(shown, unlike)
    said = {"likeness": likeness, "examples": yes, "unlike": no, **options}
    wanted = given(SimilarOptions, said)
    checks.reports(progress)
    models = models_for(wanted, model, "cells", device)
    found = segment_image(described, wanted, models, progress=progress)
    if "similarity" not in found.table:
        return found  # nothing is alike
    ranked = found.table.sort_values("similarity", ascending=False, kind="stable")
    return Segmentation(found.labels, ranked.reset_index(drop=True))


def _examples(image: Image, labels: Any) -> Examples:
    return labels if isinstance(labels, Examples) else Examples.of(image, labels)
