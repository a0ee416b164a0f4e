"""What corrected objects that were held back, and generated images, say about a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from napari_sam.methods.finding_cells import find_cells
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.model import Model
from napari_sam.prompts import Prompt
from napari_sam.training.corrections import HELD, RING, Piece
from napari_sam.training.crops import Window
from napari_sam.training.metrics import deepest_point, iou_matrix, mask_iou
from napari_sam.training.monitor import monitor, monitor_windows
from napari_sam.training.synthetic import generate

__all__ = ["Elsewhere", "Figures", "figures_on", "worth"]

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


def figures_on(model: Model, pieces: Sequence[Piece], role: int = HELD) -> dict[str, float]:
    """Measure a model on the objects of a role, as a person meets it.

    Parameters
    ----------
    model : Model
    pieces : sequence of Piece
    role : int

    Returns
    -------
    dict of str to float
        ``"ap50"``, average precision at an IoU of .5 of the automatic mode, all pieces together:
        hits / (hits + missed + wrong), where wrong is what lies mostly on pixels that are known;
        ``"match"``, mean IoU of each object with the best of the objects found; ``"click"``,
        mean IoU of the first answer to one click, in its middle and elsewhere. Empty without
        objects.
    """
    counted = np.zeros(3, int)
    matches: list[float] = []
    clicks: list[float] = []
    for piece in pieces:
        ids = piece.ids(role)
        if not len(ids):
            continue
        embedding = model.encode(piece.pixels, limits=piece.limits)
        found = find_cells(piece.pixels, embedding, model).choose().labels
        hits, matched = _counted(piece, found, role)
        counted += hits
        matches += matched
        for one in ids:
            truth = piece.plane.labels == one
            for point in _places(truth):
                answer = model.predict(embedding, Prompt(points=[point]))
                clicks.append(mask_iou(truth, answer.masks[0]))
    if not clicks:
        return {}
    return {
        "ap50": float(counted[0] / counted.sum()),
        "match": float(np.mean(matches)),
        "click": float(np.mean(clicks)),
    }


def _places(truth: np.ndarray) -> list[tuple[int, int]]:
    """Return where an object is clicked: in its middle, and at a third and two thirds of it."""
    inside = np.argwhere(truth)
    return [deepest_point(truth), *(tuple(inside[len(inside) * n // 3]) for n in (1, 2))]


def _counted(piece: Piece, found: np.ndarray, role: int) -> tuple[np.ndarray, list[float]]:
    """Count hits, missed and wrong ones; and the IoU of each object with the best found."""
    labels = piece.plane.labels
    mine = piece.roles[labels] == role
    known = mine | (labels == 0)
    if not piece.exhaustive:
        known &= ndi.binary_dilation(mine, iterations=max(1, round(RING * piece.diameter)))
    iou = iou_matrix(np.where(mine, labels, 0), found)
    best = iou.max(1, initial=0.0)
    hits = int(np.count_nonzero(best > 0.5))
    area = np.bincount(found.ravel())
    counts = 2 * np.bincount(found[known], minlength=len(area)) > area
    present = np.flatnonzero(area)
    counts = counts[present[present > 0]]
    wrong = int(np.count_nonzero(counts & ~(iou > 0.5).any(0))) if iou.size else int(counts.sum())
    return np.array([hits, len(best) - hits, wrong]), [float(value) for value in best]


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


def worth(figures: tuple[Figures, Figures], before: tuple[Figures, Figures]) -> float:
    """Judge a model by what was held back, less what it has forgotten elsewhere.

    Matches and clicks count, which tell more of few objects than how many pass a threshold.

    Parameters
    ----------
    figures, before : (Figures, Figures)
        On what was held back and elsewhere, of this model and of the old one.

    Examples
    --------
    >>> old = {"match": 0.5, "click": 0.7}, {"ap50": 0.8, "click": 0.8}
    >>> new = {"match": 0.7, "click": 0.7}, {"ap50": 0.7, "click": 0.8}
    >>> round(worth(old, old), 2), round(worth(new, old), 2)
    (0.6, 0.66)
    """
    yours, others = figures
    lost = [before[1][name] - value for name, value in others.items() if name in before[1]]
    forgotten = max(0.0, float(np.mean(lost)) - FORGOTTEN) if lost else 0.0
    return (yours["match"] + yours["click"]) / 2 - forgotten
