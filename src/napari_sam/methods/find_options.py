"""What a person may choose about finding all objects, as one immutable value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from napari_sam.labels.merge import Rule
from napari_sam.methods.options import CellOptions
from napari_sam.methods.settings import Settings

Method = Literal["cells", "everything"]
Region = Any
"""``"slice"`` displayed now, its ``"visible"`` part, the whole ``"stack"``, or the layer whose
shapes enclose it."""

#: Thresholds at which everything-mode collects candidates, so that sliders can go down to them.
LOWEST_IOU, LOWEST_STABILITY = 0.6, 0.75
#: Parameters of everything-mode that decide where and how the model is asked.
ASKED_WITH = (
    "points_per_side",
    "points_per_batch",
    "stability_score_offset",
    "crop_n_layers",
    "crop_overlap_ratio",
    "crop_n_points_downscale_factor",
    "ask_at",
)


@dataclass(frozen=True)
class FindOptions:
    """How to find all objects, where, and what becomes of labels that are there.

    Parameters
    ----------
    method : {"cells", "everything"}
    cells : CellOptions
        What is chosen from the model's maps.
    diameter : float or None
        Expected diameter of a cell in pixels; None to let the model estimate it.
    everything : Settings
    region : {"slice", "visible", "stack"} or Shapes layer
    rule : {"empty", "whole", "replace"}
        What happens where labels are already; see `napari_sam.labels.merge.merge`.
    """

    method: Method = "cells"
    cells: CellOptions = field(default_factory=CellOptions)
    diameter: float | None = None
    everything: Settings = field(default_factory=Settings)
    region: Region = "slice"
    rule: Rule = "empty"

    @property
    def needs_finder(self) -> bool:
        """Whether somebody has to say where cells are."""
        return self.method == "cells" or self.everything.ask_at == "objects"


def collecting(settings: Settings) -> Settings:
    """Lower the thresholds, so that the sliders have something to choose from afterwards."""
    return replace(
        settings,
        pred_iou_thresh=min(settings.pred_iou_thresh, LOWEST_IOU),
        stability_score_thresh=min(settings.stability_score_thresh, LOWEST_STABILITY),
    )


def needs_model(searched: FindOptions, wanted: FindOptions) -> bool:
    """Whether options of everything-mode ask for more than the search with others has kept."""
    if wanted.method != "everything":
        return False
    kept, now = collecting(searched.everything), wanted.everything
    return (
        any(getattr(kept, name) != getattr(now, name) for name in ASKED_WITH)
        or now.pred_iou_thresh < kept.pred_iou_thresh
        or now.stability_score_thresh < kept.stability_score_thresh
    )
