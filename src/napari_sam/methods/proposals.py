"""Candidates of everything-mode: asked for once, chosen from as often as one likes.

`propose` runs the model; `Proposals.choose` applies thresholds and removes duplicates without
it, so that a slider answers at once. Choosing with thresholds no lower than those of proposing
gives exactly what proposing with them would have given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import ParameterError
from napari_sam.methods.grid import PlaneCrop, crops
from napari_sam.methods.packed_masks import PackedMask, clean
from napari_sam.methods.settings import ENCODING, Settings
from napari_sam.methods.suppression import suppress
from napari_sam.models.capabilities import Sieve
from napari_sam.models.model import Embedding, Model
from napari_sam.progress import Progress, part, silent

_EDGE = 20.0  # pixels from a crop's edge within which a box counts as cut off

Encode = Callable[[npt.NDArray[Any], Progress], Embedding]


@dataclass(frozen=True)
class Proposal:
    """One candidate mask.

    Parameters
    ----------
    region : PackedMask
        The mask, on the plane.
    score : float
        Predicted IoU.
    stability : float
        IoU of the masks at a higher and a lower threshold.
    point : (float, float)
        ``(row, column)`` that was asked about.
    crop : int
        Place of its crop in `Proposals.crops`.
    """

    region: PackedMask
    score: np.float32
    stability: np.float32
    point: tuple[float, float]
    crop: int


@dataclass(frozen=True, eq=False)
class Proposals:
    """All candidates of one plane that passed the thresholds of `settings`.

    Parameters
    ----------
    shape : (H, W)
    crops : tuple of PlaneCrop
    found : tuple of Proposal
        In the order in which they were asked for.
    settings : Settings
    """

    shape: tuple[int, int]
    crops: tuple[PlaneCrop, ...]
    found: tuple[Proposal, ...]
    settings: Settings

    def choose(self, settings: Settings | None = None) -> list[Proposal]:
        """Apply thresholds, remove duplicates, clean and filter the masks.

        Parameters
        ----------
        settings : Settings, optional
            Those of proposing by default. Thresholds may be higher, not lower; what decides
            where the model is asked is taken from proposing.

        Raises
        ------
        ParameterError
            When thresholds are lower than those of proposing, or the offset of the stability
            differs.
        """
        chosen = settings or self.settings
        first = self.settings
        if (
            chosen.pred_iou_thresh < first.pred_iou_thresh
            or chosen.stability_score_thresh < first.stability_score_thresh
            or chosen.stability_score_offset != first.stability_score_offset
        ):
            raise ParameterError(
                "Candidates below the first thresholds were not kept: use pred_iou_thresh >= "
                f"{first.pred_iou_thresh} and stability_score_thresh >= "
                f"{first.stability_score_thresh} with stability_score_offset == "
                f"{first.stability_score_offset}, or run again."
            )
        kept: list[Proposal] = []
        good = _sieve(chosen).passes
        for number in range(len(self.crops)):
            mine = [p for p in self.found if p.crop == number and good(p.score, p.stability)]
            kept += _distinct(mine, [p.score for p in mine], chosen.box_nms_thresh)
        if len(self.crops) > 1:
            scores = [1.0 / self.crops[p.crop].area for p in kept]
            kept = _distinct(kept, scores, chosen.crop_nms_thresh)
        if chosen.min_mask_region_area > 0:
            kept = self._clean(kept, chosen)
        return [p for p in kept if self._wanted(p.region, chosen)]

    def _clean(self, kept: list[Proposal], settings: Settings) -> list[Proposal]:
        cleaned, scores = [], []
        for proposal in kept:
            region, changed = clean(proposal.region, self.shape, settings.min_mask_region_area)
            cleaned.append(replace(proposal, region=region))
            scores.append(0.0 if changed else 1.0)  # untouched masks are the better ones
        return _distinct(cleaned, scores, max(settings.box_nms_thresh, settings.crop_nms_thresh))

    def _wanted(self, region: PackedMask, settings: Settings) -> bool:
        if region.area < settings.min_area:
            return False
        if settings.max_area is not None and region.area > settings.max_area:
            return False
        if not settings.drop_background:
            return True
        x0, y0, x1, y1 = region.xyxy
        height, width = self.shape
        sides = (x0 == 0) + (y0 == 0) + (x1 == width - 1) + (y1 == height - 1)
        return sides < 3 or region.area <= 0.4 * height * width


def _sieve(settings: Settings) -> Sieve:
    return Sieve(
        min_score=settings.pred_iou_thresh,
        min_stability=settings.stability_score_thresh,
        offset=settings.stability_score_offset,
        batch=settings.points_per_batch,
    )


def _distinct(found: list[Proposal], scores: list[Any], threshold: float) -> list[Proposal]:
    """Non-maximum suppression by bounding box; the best first."""
    if not found:
        return []
    boxes = np.array([p.region.xyxy for p in found], dtype=np.float32)
    keep = suppress(boxes, np.asarray(scores, dtype=np.float32), threshold)
    return [found[i] for i in keep]


def propose(
    pixels: npt.NDArray[Any],
    model: Model,
    settings: Settings,
    encode: Encode,
    *,
    points: npt.NDArray[np.float64] | None = None,
    progress: Progress = silent,
) -> Proposals:
    """Ask a model about every point of every crop of a plane.

    Parameters
    ----------
    pixels : (H, W) or (H, W, 3) array
    model : Model
    settings : Settings
        Candidates that fail its thresholds are not kept.
    encode : callable
        Encodes a crop: takes its pixels and a progress callback.
    points : (N, 2) array, optional
        ``(row, column)`` pixels of the plane to ask about instead of the grids; every crop is
        asked about those inside it.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    places = crops(shape, settings.crop_n_layers, settings.crop_overlap_ratio)
    asked = [_points(crop, settings, points) for crop in places]
    counts = [ENCODING + len(there) for there in asked]
    total, before = sum(counts), 0
    found: list[Proposal] = []
    for number, crop in enumerate(places):
        stage = part(progress, before / total, (before + counts[number]) / total)
        encoded = ENCODING / counts[number]
        embedding = encode(crop.take(pixels), part(stage, 0.0, encoded))
        here = asked[number]
        later = part(stage, encoded, 1.0)
        for answer in model.grid.answer_points(embedding, here, _sieve(settings), later):
            region = PackedMask.of(answer.mask, answer.top, answer.left)
            if _cut_off(region, crop, shape):
                continue
            moved = region.moved(crop.top, crop.left) if region.area else region
            row, column = here[answer.point]
            point = (float(row + crop.top), float(column + crop.left))
            found.append(Proposal(moved, answer.score, answer.stability, point, number))
        before += counts[number]
    progress(1.0)
    return Proposals(shape, tuple(places), tuple(found), settings)


def _points(
    crop: PlaneCrop, settings: Settings, points: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64]:
    """Points to ask about, in pixels of the crop."""
    if points is None:
        return np.asarray(settings.grids[crop.layer] * np.array(crop.shape))
    corner = np.array([crop.top, crop.left])
    inside = (points >= corner) & (points < (crop.bottom, crop.right))
    return np.asarray(points[inside.all(axis=1)] - corner)


def _cut_off(region: PackedMask, crop: PlaneCrop, shape: tuple[int, int]) -> bool:
    """Whether a mask ends at its crop's edge, but not at the plane's."""
    x0, y0, x1, y1 = region.xyxy
    box = np.array([x0 + crop.left, y0 + crop.top, x1 + crop.left, y1 + crop.top])
    near_crop = np.abs(box - (crop.left, crop.top, crop.right, crop.bottom)) <= _EDGE
    near_plane = np.abs(box - (0, 0, shape[1], shape[0])) <= _EDGE
    return bool((near_crop & ~near_plane).any())
