"""The parameters of everything-mode, checked once and for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_sam.errors import ParameterError
from napari_sam.methods.grid import point_grid


@dataclass(frozen=True, eq=False)
class Settings:
    """Parameters of everything-mode, with the names and defaults of the reference.

    Parameters
    ----------
    points_per_side : int or None
        The grid has this many points squared. None when `point_grids` is given.
    points_per_batch : int
        Points that are answered at a time; at most 8 on a CPU, where more gain nothing.
    pred_iou_thresh : float
        Masks whose predicted IoU is not above it are dropped; 0 drops none.
    stability_score_thresh : float
        Masks whose stability is below it are dropped; 0 drops none.
    stability_score_offset : float
        Stability is the IoU of the masks at logits ``+offset`` and ``-offset``.
    box_nms_thresh, crop_nms_thresh : float
        Of two masks whose boxes have a higher IoU, the better one stays: within a crop, and
        between crops, where the smaller crop is the better one.
    crop_n_layers : int
        Layers of crops that are searched on their own; layer n has 4**n crops.
    crop_overlap_ratio : float
        Overlap of the first layer's crops as a share of the plane's shorter side.
    crop_n_points_downscale_factor : int
        Points per side are divided by this from layer to layer.
    point_grids : list of (N, 2) array-like, optional
        Grids of one's own, one per layer, instead of `points_per_side`: ``(x, y)`` as fractions
        0..1, as the reference takes them.
    min_mask_region_area : int
        Holes and islands of fewer pixels are removed from the masks.
    min_area, max_area : int, optional
        Objects with fewer or more pixels are dropped.
    drop_background : bool
        Drop masks that touch at least three sides of the plane and cover over 40 % of it.
    seeds : {"grid", "objects"}
        ``"objects"`` asks about one point inside every object that a learned automatic head
        sees, and about a sparse grid between them: several times faster, not the reference's
        points.

    Raises
    ------
    ParameterError
    """

    points_per_side: int | None = 32
    points_per_batch: int = 64
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0
    box_nms_thresh: float = 0.7
    crop_n_layers: int = 0
    crop_nms_thresh: float = 0.7
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    point_grids: Sequence[Any] | None = None
    min_mask_region_area: int = 0
    min_area: int = 0
    max_area: int | None = None
    drop_background: bool = False
    seeds: Literal["grid", "objects"] = "grid"
    grids: tuple[npt.NDArray[np.float64], ...] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("pred_iou_thresh", "stability_score_thresh"):
            self._between(name, 0.0, 1.0)
        for name in ("box_nms_thresh", "crop_nms_thresh"):
            self._between(name, 0.0, 1.0)
        self._between("crop_overlap_ratio", 0.0, 1.0, open_end=True)
        if not 0 <= self.stability_score_offset < float("inf"):
            raise self._wrong("stability_score_offset", "a number of 0 or more")
        for name, least in (
            ("points_per_batch", 1),
            ("crop_n_layers", 0),
            ("crop_n_points_downscale_factor", 1),
            ("min_mask_region_area", 0),
            ("min_area", 0),
        ):
            self._whole(name, least)
        if self.max_area is not None:
            self._whole("max_area", max(1, self.min_area))
        if self.seeds not in ("grid", "objects"):
            raise self._wrong("seeds", "'grid' or 'objects'")
        if self.seeds == "objects" and self.points_per_side is None:
            raise ParameterError(
                "seeds='objects' replaces a grid of points_per_side, not one's own."
            )
        object.__setattr__(self, "grids", self._grids())

    def _wrong(self, name: str, expected: str) -> ParameterError:
        return ParameterError(f"{name} must be {expected}, got {getattr(self, name)!r}.")

    def _between(self, name: str, low: float, high: float, open_end: bool = False) -> None:
        value = getattr(self, name)
        try:
            inside = low <= value < high if open_end else low <= value <= high
        except TypeError:
            inside = False
        if not inside:
            raise self._wrong(name, f"a number from {low:g} to {high:g}")

    def _whole(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise self._wrong(name, f"a whole number of {least} or more")

    def _grids(self) -> tuple[npt.NDArray[np.float64], ...]:
        """One grid per layer, ``(row, column)`` fractions."""
        layers = self.crop_n_layers + 1
        if (self.points_per_side is None) == (self.point_grids is None):
            raise ParameterError(
                "Give either points_per_side or point_grids and set the other to None, got "
                f"points_per_side={self.points_per_side!r} and "
                f"{'no' if self.point_grids is None else 'some'} point_grids."
            )
        if self.points_per_side is not None:
            self._whole("points_per_side", 1)
            counts = [
                int(self.points_per_side / self.crop_n_points_downscale_factor**layer)
                for layer in range(layers)
            ]
            if counts[-1] < 1:
                raise ParameterError(
                    f"points_per_side={self.points_per_side} divided by "
                    f"{self.crop_n_points_downscale_factor} in each of {self.crop_n_layers} "
                    "layers leaves no point: use more points or fewer layers."
                )
            return tuple(point_grid(count) for count in counts)
        assert self.point_grids is not None
        if len(self.point_grids) != layers:
            raise ParameterError(
                f"crop_n_layers={self.crop_n_layers} needs {layers} point_grids, "
                f"got {len(self.point_grids)}."
            )
        grids = []
        for grid in self.point_grids:
            try:
                points = np.asarray(grid, dtype=np.float64)
            except (TypeError, ValueError):
                points = np.empty(0)  # ragged, or no numbers
            if (
                points.ndim != 2
                or points.shape[1] != 2
                or not ((points >= 0) & (points <= 1)).all()
            ):
                raise ParameterError(
                    "Each of point_grids must be (N, 2) fractions 0..1 of (x, y), "
                    f"got shape {points.shape}."
                )
            grids.append(points[:, ::-1].copy())
        return tuple(grids)
