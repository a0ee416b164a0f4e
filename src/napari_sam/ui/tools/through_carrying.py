"""Among which labels a cell is followed through slices, and how it meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sam.engine.carrying import Carrying
from napari_sam.errors import NapariSamError
from napari_sam.labels.accept_through import number_of
from napari_sam.regions import Region
from napari_sam.ui.layers.axes import Further
from napari_sam.ui.layers.label_grid import check_fit
from napari_sam.ui.state import Answer
from napari_sam.ui.tools.tool import Parts

if TYPE_CHECKING:
    from napari_sam.ui.tools.through_run import Run


def carrying_among_labels(
    parts: Parts, seen: Answer | Run, region: Region, along: Further, divisions: bool
) -> Carrying:
    """Prepare to follow a cell among those that the labels hold.

    Parameters
    ----------
    parts : Parts
    seen : Answer or Run
        The image, and the slice on which the cell was marked.
    region : Region
        The cell on that slice.
    along : Further
        The axis along which it is followed.
    divisions : bool
        Whether it may divide.

    Returns
    -------
    Carrying
        Among no labels where those that were chosen do not lie on the image.
    """
    state, plane = parts.bench.state, seen.view.plane
    pixels: Any = None
    own = 0
    if state.target is not None:
        try:
            check_fit(seen.image, state.target, write=False)
            document = parts.documents.of(state.target)
            pixels, own = document.sheet.pixels, number_of(document, {plane: region})
        except NapariSamError:  # keeping it there will say why not
            pixels, own = None, 0
    yields = state.overlap == "keep"
    return Carrying(seen.view, along.axis, pixels, own, yields, None, along.time, divisions)
