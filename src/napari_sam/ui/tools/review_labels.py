"""Which labels can be reviewed on the image that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam.errors import NapariSamError
from napari_sam.ui.layers.label_grid import labels_plane
from napari_sam.ui.workbench import Workbench

if TYPE_CHECKING:
    from napari.layers import Labels


def fitting_labels(bench: Workbench, now: Labels | None) -> Labels | None:
    """Return those reviewed now if they lie on the image, else the topmost that do.

    While no plane of the image is shown nobody can tell, and they stay what they are.
    """
    from napari.layers import Labels

    try:
        shown = bench.shown()
    except NapariSamError:
        return now

    def fits(layer: Labels) -> bool:
        try:
            return bool(labels_plane(shown.image, shown.plane, layer))
        except NapariSamError:
            return False

    layers = bench.viewer.layers
    if now is not None and now in layers and fits(now):
        return now
    theirs = [la for la in reversed(layers) if isinstance(la, Labels) and la not in bench.ours]
    return next((layer for layer in theirs if fits(layer)), None)
