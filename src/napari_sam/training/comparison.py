"""What corrected objects that were held back, and generated images, say about a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_sam.models.cells.network import CellsNetwork
from napari_sam.training.crops import Window
from napari_sam.training.monitor import monitor, monitor_windows
from napari_sam.training.synthetic import generate

__all__ = ["Elsewhere", "Figures", "forgotten"]

Figures = Mapping[str, float]
#: Kinds of generated images that stand for all that a model knew before.
KINDS = (
    "nuclei_sparse",
    "nuclei_dense",
    "stain_pink_purple",
    "phase_cells",
    "rods_phase",
    "yeast",
    "membranes",
    "em_axons",
    "worms",
    "dic_cells",
)
#: Of the seeds that training never uses.
SEED = 990
#: What may be lost elsewhere before it counts, mean of AP and click IoU.
FORGOTTEN = 0.01


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Generated windows of many kinds: whether a network still knows what it knew.

    Parameters
    ----------
    windows : sequence of (kind, Window)
    """

    windows: Sequence[tuple[str, Window]]

    @classmethod
    def generated(cls, count: int) -> Elsewhere:
        """Generate a window of each of the first so many kinds."""
        images = []
        for kind in KINDS[:count]:
            image, labels, *_ = generate(kind, SEED, (224, 224))
            images.append((kind, kind, np.asarray(image), np.asarray(labels)))
        return cls(monitor_windows(images, per_family=1))

    def figures(self, network: CellsNetwork) -> dict[str, float]:
        """Measure a network: ``"ap50"`` and ``"click"``, at the size that suits the objects."""
        if not self.windows:
            return {}
        mean = monitor(network, self.windows)["mean"]
        return {name: mean[name] for name in ("ap50", "click") if name in mean}


def forgotten(figures: Figures, before: Figures) -> float:
    """Return by how much a model sees worse elsewhere than before, beyond what does not count.

    Examples
    --------
    >>> round(forgotten({"ap50": 0.7, "click": 0.8}, {"ap50": 0.8, "click": 0.8}), 2)
    0.04
    """
    lost = [before[name] - value for name, value in figures.items() if name in before]
    return max(0.0, float(np.mean(lost)) - FORGOTTEN) if lost else 0.0
