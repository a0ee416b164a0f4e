"""The parameters of everything-mode, checked once and for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from napari_sam.errors import ParameterError
from napari_sam.methods.option import option, validate
from napari_sam.methods.options import at_least, check_areas, largest, smallest
from napari_sam.methods.point_grids import read_point_grids
from napari_sam.methods.preset import preset

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ENCODING = 200  # points that take about as long as encoding a plane


@dataclass(frozen=True, eq=False)
class Settings:
    """Parameters of everything-mode, with the names and defaults of the reference.

    What is not given is what suits the model, see `Method.suited`.

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
    ask_at : {"grid", "objects"}
        ``"objects"`` asks about one point inside every object that a learned automatic head
        sees, and about a sparse grid between them: several times faster, not the reference's
        points.

    Raises
    ------
    ParameterError
    """

    points_per_side: int | None = option(
        preset(32),
        int,
        label="Points",
        help="At how many points along each side the model is asked (points_per_side). More find "
        "smaller objects and take longer. Acts when the button is pressed.",
        typed="the grid has this many points squared; default 32",
        low=1,
        high=1000,
        shown=(0, 64),
        steps=64,
        spell=lambda side: f"{max(side, 1):.0f} × {max(side, 1):.0f}",
        folded=False,
        acts="search",
        rank=1,
    )
    points_per_batch: int = option(
        64,
        int,
        label="Batch size",
        help="Points that a GPU answers at a time.",
        typed="points that a GPU answers at a time; default 64",
        low=1,
        shown=(1, 4096),
        acts="search",
        rank=9,
    )
    pred_iou_thresh: float = option(
        preset(0.88),
        float,
        label="Certainty",
        help="Leave out masks of which the model is less sure than this (pred_iou_thresh).",
        typed="0 to 1, default 0.88, with cells 0.6: drop masks the model is less sure of",
        high=1.0,
        spell=at_least,
        steps=100,
        folded=False,
        floor=0.6,
    )
    stability_score_thresh: float = option(
        preset(0.95),
        float,
        label="Stability",
        help="Leave out masks with a vague outline (stability_score_thresh).",
        typed="0 to 1, default 0.95, with cells 0.6: drop masks with a vague outline",
        high=1.0,
        spell=at_least,
        steps=100,
        folded=False,
        floor=0.75,
    )
    stability_score_offset: float = option(
        1.0,
        float,
        label="Stability shift",
        help="How far a mask's threshold is moved to see whether the mask is stable.",
        typed="how far the outline is moved for that; default 1",
        shown=(0, 10),
        acts="search",
        rank=8,
    )
    box_nms_thresh: float = option(
        preset(0.7),
        float,
        label="Repeats",
        help="Of two objects whose boxes overlap more, the better one stays.",
        typed="0 to 1, default 0.7, with cells 0.3: of two masks whose boxes overlap more, one",
        high=1.0,
        rank=3,
    )
    crop_n_layers: int = option(
        0,
        int,
        label="Crops",
        help="Search enlarged parts of the image too, for small objects: 1 adds 4 parts, 2 "
        "another 16.",
        typed="search enlarged parts too: 1 adds 4, 2 another 16; default 0",
        high=6,
        shown=(0, 3),
        acts="search",
        rank=4,
    )
    crop_nms_thresh: float = option(
        0.7,
        float,
        label="Crop repeats",
        help="Of two objects from different crops whose boxes overlap more, one stays.",
        typed="0 to 1, default 0.7: as box-nms-thresh, between parts",
        high=1.0,
        rank=7,
    )
    crop_overlap_ratio: float = option(
        512 / 1500,
        float,
        label="Crop overlap",
        help="How far crops overlap, as a share of the image's shorter side.",
        typed="overlap of parts, by the shorter side; default 0.341",
        high=1.0,
        open_end=True,
        shown=(0, 0.99),
        acts="search",
        rank=6,
    )
    crop_n_points_downscale_factor: int = option(
        1,
        int,
        label="Thinner grid",
        help="Divide the points per side by this in each layer of crops.",
        typed="divide points-per-side in each layer; default 1",
        low=1,
        shown=(1, 16),
        acts="search",
        rank=5,
    )
    point_grids: Sequence[Any] | None = option(
        None,
        list,
        typed="points of your own instead, .npy or .json: (x, y) as fractions 0..1",
        read=read_point_grids,
        instead_of="points_per_side",
        acts="search",
        rank=10,
    )
    min_mask_region_area: int = option(
        0,
        int,
        label="Fill holes",
        help="Fill holes, remove islands of fewer pixels.",
        typed="fill holes, remove islands of fewer pixels; default 0",
        unit="px²",
        rank=2,
    )
    min_area: int = smallest("; default: a twentieth of a typical cell, or 0")
    max_area: int | None = largest()
    drop_background: bool = option(
        False,
        bool,
        label="No background",
        help="Leave out masks that touch three sides of the image and cover over 40 % of it.",
        typed="drop masks that touch three sides and cover over 40 %% of the image",
        rank=11,
    )
    ask_at: Literal["grid", "objects"] = option(
        preset("grid"),
        str,
        label="Ask at objects",
        help="Ask where cells are seen, and at few points between them: faster, but not at the "
        "same points as Segment Anything.",
        typed="'objects' asks where cells are seen and at few points between them: faster; so "
        "does cells by default, unless a grid is given",
        choices=("grid", "objects"),
        acts="search",
        rank=12,
    )

    def __post_init__(self) -> None:
        validate(self)
        check_areas(self)
        if self.ask_at == "objects" and self.points_per_side is None:
            raise ParameterError(
                "ask_at='objects' replaces a grid of points_per_side, not one's own."
            )
        _ = self.grids  # refused now rather than in the middle of the work

    @cached_property
    def grids(self) -> tuple[npt.NDArray[np.float64], ...]:
        """One grid per layer, ``(row, column)`` fractions."""
        from napari_sam.methods.grid import point_grid

        layers = self.crop_n_layers + 1
        if (self.points_per_side is None) == (self.point_grids is None):
            raise ParameterError(
                "Give either points_per_side or point_grids and set the other to None, got "
                f"points_per_side={self.points_per_side!r} and "
                f"{'no' if self.point_grids is None else 'some'} point_grids."
            )
        if self.points_per_side is not None:
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
        return tuple(_own_grid(grid) for grid in self.point_grids)


def _own_grid(grid: Any) -> npt.NDArray[np.float64]:
    """Turn ``(x, y)`` fractions of the reference into ``(row, column)`` ones."""
    import numpy as np

    try:
        points = np.asarray(grid, dtype=np.float64)
    except (TypeError, ValueError):
        points = np.empty(0)  # ragged, or no numbers
    if points.ndim != 2 or points.shape[1] != 2 or not ((points >= 0) & (points <= 1)).all():
        raise ParameterError(
            f"Each of point_grids must be (N, 2) fractions 0..1 of (x, y), got shape "
            f"{points.shape}."
        )
    return points[:, ::-1].copy()
