"""``napari-sam export``: labels in the formats of other programs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

_FORMATS = ("coco", "csv", "geojson", "imagej")


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export",
        parents=[common],
        help="write labels for COCO, QuPath, ImageJ or a spreadsheet",
        description="Write labels as COCO JSON, GeoJSON (QuPath), ImageJ ROIs or a CSV table.",
    )
    parser.add_argument("labels", type=Path, metavar="LABELS", help="a TIFF or PNG of labels")
    parser.add_argument("--to", required=True, choices=_FORMATS, help="the format")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT", help="a file, or a folder"
    )
    parser.add_argument(
        "--pixel-size",
        type=float,
        metavar="UM",
        help="side of a pixel in micrometres, if the file does not say",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the output if it is there already"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Export one file of labels."""
    from napari_sam.exports.formats import FORMATS, export
    from napari_sam.exports.objects import check_labels
    from napari_sam.files import read_image
    from napari_sam.pixel_size import PixelSize

    image = read_image(options.labels)
    if "S" in image.axes:
        raise DataError(f"{options.labels.name} is a colour picture, not labels.")
    labels = check_labels(image.pixels)
    stem = options.labels.stem
    target = options.output
    if target.is_dir():
        target = target / f"{stem}{FORMATS[options.to].suffix}"
    if not target.suffix:
        target = target.with_suffix(FORMATS[options.to].suffix)
    if target.exists() and not options.overwrite:
        raise DataError(f"{target} is there already: choose another name, or add --overwrite.")
    size = image.pixel_size
    if options.pixel_size is not None:
        depth = size.slice if size is not None and size.unit == "um" else None
        size = PixelSize(options.pixel_size, options.pixel_size, "um", depth)
    name = stem.removesuffix("_labels")
    table = _table_beside(options.labels.with_name(f"{name}_objects.csv"), labels)
    written = export(labels, target, options.to, table=table, pixel_size=size, name=name)
    print(f"Wrote {written}", file=sys.stderr)
    return 0


def _table_beside(path: Path, labels: npt.NDArray[np.integer[Any]]) -> pd.DataFrame | None:
    """Read what ``segment`` wrote beside its labels, which knows scores and intensities.

    None when it is not there, or tells of other objects: labels can be edited afterwards.
    """
    import numpy as np
    import pandas as pd

    try:
        table = pd.read_csv(path)
        told = dict(zip(table["label"], table["area"], strict=True))
    except (OSError, ValueError, KeyError):
        return None
    found = dict(zip(*np.unique(labels[labels > 0], return_counts=True), strict=True))
    return table if told == found else None
