"""What a person's images look like, beside generated ones of many kinds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_sam.models.capabilities import Tunable
from napari_sam.models.cells.kind import Kind, look_of
from napari_sam.models.cells.seen import as_seen
from napari_sam.models.cells.windows import Pyramid
from napari_sam.progress import Progress, silent
from napari_sam.training.corrections import Piece, usual_diameter
from napari_sam.training.crops import AnnotatedPlane

__all__ = ["kind_of"]

#: At so many pieces it is looked, at most.
LOOKS = 16


def kind_of(
    model: Tunable,
    pieces: Sequence[Piece],
    others: Sequence[AnnotatedPlane],
    progress: Progress = silent,
) -> Kind:
    """Describe the kind of images that a model is taught on.

    Parameters
    ----------
    model : Tunable
        As it saw before it was taught anything.
    pieces : sequence of Piece
        Of the person's images.
    others : sequence of AnnotatedPlane
        Generated images of many kinds, two at least.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.
    """
    network, device = model.first_eyes.network, model.device
    diameter = usual_diameter(list(pieces))
    planes = [as_seen(piece.pixels, piece.limits) for piece in pieces[:LOOKS]]
    # Any image looks blurred where small objects are looked for: so these show what is no sign.
    planes += [np.asarray(plane.levels[0], np.float32) for plane in others]
    looks = []
    for done, plane in enumerate(planes):
        progress(done / len(planes))
        looks.append(look_of(network, Pyramid.of(plane, device), diameter))
    yours = len(planes) - len(others)
    return Kind.of(diameter, looks[:yours], looks[yours:])
