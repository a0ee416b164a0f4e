"""Overlapping masks painted into labels, and described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.methods.proposals import Proposal
from napari_sam.run_lengths import compressed
from napari_sam.segmentation import Segmentation, measure


def paint(
    chosen: list[Proposal],
    shape: tuple[int, int],
    pixels: npt.NDArray[Any] | None = None,
    source: str = "",
) -> Segmentation:
    """Paint masks into labels, large ones first, so that small ones stay visible on top.

    Parameters
    ----------
    chosen : list of Proposal
    shape : (H, W)
    pixels : (H, W) or (H, W, 3) array, optional
        For the mean intensities.
    source : str

    Returns
    -------
    Segmentation
        Ids 1..n from the largest mask to the smallest, without those that are wholly covered.
        The table has, beyond `measure`: ``stability``, ``mask_area`` (pixels of the whole mask),
        ``overlapped`` (those of them that a smaller object took), and ``point_row``,
        ``point_col`` (where the model was asked).
    """
    order = sorted((p for p in chosen if p.region.area), key=lambda p: -p.region.area)
    labels = np.zeros(shape, dtype=np.int32)
    for number, proposal in enumerate(order, start=1):
        labels[proposal.region.slices][proposal.region.pixels()] = number
    visible = np.bincount(labels.ravel(), minlength=len(order) + 1)
    seen = [i for i in range(1, len(order) + 1) if visible[i]]
    lookup = np.zeros(len(order) + 1, dtype=np.int32)
    lookup[seen] = np.arange(1, len(seen) + 1)
    labels = lookup[labels]
    shown = [order[i - 1] for i in seen]
    scores = {number: float(p.score) for number, p in enumerate(shown, start=1)}
    table = measure(labels, pixels, scores, source)
    at = table.columns.get_loc("source")
    assert isinstance(at, int)
    by_label = [shown[number - 1] for number in table["label"]]
    extra = {
        "stability": [float(p.stability) for p in by_label],
        "mask_area": [p.region.area for p in by_label],
        "overlapped": [
            p.region.area - int(area) for p, area in zip(by_label, table["area"], strict=True)
        ],
        "point_row": [p.point[0] for p in by_label],
        "point_col": [p.point[1] for p in by_label],
    }
    for shift, (name, values) in enumerate(extra.items()):
        table.insert(at + shift, name, values)
    return Segmentation(labels, table)


def records(
    chosen: list[Proposal], shape: tuple[int, int], crops: Any, rle: bool
) -> Iterator[dict[str, Any]]:
    """Describe masks, one at a time, by the records of ``SamAutomaticMaskGenerator.generate``.

    Boxes are ``[x, y, width, height]`` and points ``[x, y]``, in the order of COCO. As in the
    reference, width and height are the distances between the first and the last pixel.

    Parameters
    ----------
    chosen : list of Proposal
    shape : (H, W)
    crops : sequence of PlaneCrop
    rle : bool
        Masks as COCO's compressed run lengths instead of (H, W) bool arrays.
    """
    for proposal in chosen:
        mask = proposal.region.full(shape)
        x0, y0, x1, y1 = proposal.region.xyxy
        crop = crops[proposal.crop]
        yield {
            "segmentation": compressed(mask) if rle else mask,
            "area": proposal.region.area,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "predicted_iou": float(proposal.score),
            "point_coords": [[proposal.point[1], proposal.point[0]]],
            "stability_score": float(proposal.stability),
            "crop_box": [crop.left, crop.top, crop.shape[1], crop.shape[0]],
        }
