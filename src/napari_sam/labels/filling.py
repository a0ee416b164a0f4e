"""New labels that are filled plane by plane while somebody edits them already."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.images import Plane
from napari_sam.labels.change import Origin
from napari_sam.labels.document import Document
from napari_sam.labels.runs import Runs, write


def fill_free(
    document: Document,
    plane: Plane,
    labels: npt.NDArray[np.integer[Any]],
    origin: Origin | None = None,
) -> npt.NDArray[np.bool_]:
    """Write what a plane of new labels begins with, where nothing is labelled yet.

    It is no step, so nothing of it can be undone. Steps that stand go on to stand, for they are
    about other pixels.

    Parameters
    ----------
    document : Document
    plane : Plane
    labels : (H, W) integer array
    origin : Origin, optional

    Returns
    -------
    (H, W) bool array
        Where it was written.

    Raises
    ------
    LabelsError
        When the labels cannot be written, or something else is being written.
    """
    document.check_free()
    document.sheet.check_writable()
    pixels = document.sheet.pixels
    free: npt.NDArray[np.bool_] = (plane.take(pixels) == 0) & (labels != 0)
    where = np.nonzero(free)
    runs = Runs.at(pixels.shape, plane.locate(*where), 0, labels[where])
    with document.presence.writing(runs):
        write(pixels, runs)
    document.tell_filled("fill_free", plane, origin)
    return free
