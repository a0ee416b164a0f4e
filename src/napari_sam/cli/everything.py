"""The options of ``--mode everything``: Python's names, defaults and checks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_sam.methods.settings import Settings

# Fields of `napari_sam.methods.settings.Settings`. Areas are options of both modes.
_NUMBERS: dict[str, tuple[type, str]] = {
    "points_per_side": (int, "the grid has this many points squared; default 32"),
    "points_per_batch": (int, "points that a GPU answers at a time; default 64"),
    "pred_iou_thresh": (float, "0 to 1, default 0.88: drop masks the model is less sure of"),
    "stability_score_thresh": (float, "0 to 1, default 0.95: drop masks with a vague outline"),
    "stability_score_offset": (float, "how far the outline is moved for that; default 1"),
    "box_nms_thresh": (float, "0 to 1, default 0.7: of two masks whose boxes overlap more, one"),
    "crop_n_layers": (int, "search enlarged parts too: 1 adds 4, 2 another 16; default 0"),
    "crop_nms_thresh": (float, "0 to 1, default 0.7: as box-nms-thresh, between parts"),
    "crop_overlap_ratio": (float, "overlap of parts, by the shorter side; default 0.341"),
    "crop_n_points_downscale_factor": (int, "divide points-per-side in each layer; default 1"),
    "min_mask_region_area": (int, "fill holes, remove islands of fewer pixels; default 0"),
}
_AREAS = ("min_area", "max_area")
_OTHER = ("point_grids", "drop_background", "seeds", "finder")
NAMES = (*_NUMBERS, *_OTHER)
"""Options of this mode alone."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add them as a group of their own; what is not typed is None."""
    group = parser.add_argument_group(
        "options of --mode everything", "as in segment_everything, and as in the reference"
    )
    for name, (kind, text) in _NUMBERS.items():
        group.add_argument(flag(name), type=kind, metavar="N", help=text)
    group.add_argument(
        flag("point_grids"),
        type=Path,
        metavar="FILE",
        help="points of your own instead, .npy or .json: (x, y) as fractions 0..1",
    )
    group.add_argument(
        flag("drop_background"),
        action="store_true",
        default=None,
        help="drop masks that touch three sides and cover over 40 %% of the image",
    )
    group.add_argument(
        "--seeds",
        choices=("grid", "objects"),
        help="'objects' asks where cells are seen and at few points between them: faster",
    )
    group.add_argument(
        "--finder",
        metavar="MODEL",
        help="who sees them, when the model itself cannot; default: cells",
    )


def flag(name: str) -> str:
    """Spell the name of a parameter as an option."""
    return "--" + name.replace("_", "-")


def settings(options: argparse.Namespace) -> Settings:
    """Make the settings that were typed; the defaults of Python hold for all others.

    Raises
    ------
    ParameterError, DataError
    """
    from napari_sam.methods.settings import Settings

    names = (*_NUMBERS, *_AREAS, "drop_background", "seeds")
    typed: dict[str, Any] = {
        name: getattr(options, name) for name in names if getattr(options, name) is not None
    }
    if options.point_grids is not None:
        from napari_sam.cli.point_grids import read_point_grids

        typed["point_grids"] = read_point_grids(options.point_grids)
        typed.setdefault("points_per_side", None)
    return Settings(**typed)
