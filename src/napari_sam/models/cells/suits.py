"""What suits the model ``cells`` where nobody chose otherwise."""

from __future__ import annotations

from napari_sam.models.capabilities import Suits

#: Everything-mode's usual values are made for a SAM, whose scores are higher and whose answer to a
#: point is more often an object. Measured by ``python benchmarks/everything_defaults.py``.
SUITS: Suits = {
    "everything": {
        "ask_at": "objects",
        "pred_iou_thresh": 0.6,
        "stability_score_thresh": 0.6,
        "box_nms_thresh": 0.3,
    }
}
