"""``napari-sam export``: labels in the formats of other programs."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.cli.output_flag import output_path
from napari_sam.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_sam.images import Image
    from napari_sam.pixel_size import PixelSize

_FORMATS = ("coco", "csv", "ctc", "geojson", "imagej")


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export",
        parents=[common],
        help="write labels for COCO, QuPath, ImageJ, trackers or a spreadsheet",
        description="Write labels as COCO JSON, GeoJSON (QuPath), ImageJ ROIs, a CSV table, or a "
        "folder of the Cell Tracking Challenge.",
    )
    parser.add_argument("labels", type=Path, metavar="LABELS", help="a TIFF or PNG of labels")
    parser.add_argument("--to", required=True, choices=_FORMATS, help="the format")
    parser.add_argument(
        "-o", "--output", required=True, type=output_path, metavar="OUT", help="a file, or a folder"
    )
    parser.add_argument(
        "--axes", help="what the file's axes are, if it does not say; for example TYX or ZYX"
    )
    parser.add_argument(
        "--series",
        type=int,
        metavar="N",
        help="of a file that holds several images, this one, counted from 0",
    )
    parser.add_argument(
        "--image",
        metavar="NAME",
        help="file name of the image the labels belong to (default: the image beside the labels)",
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
    from napari_sam.files import read_labels
    from napari_sam.files.results import table_beside, table_path

    source = options.labels
    image = read_labels(source, options.axes, series=options.series)
    labels, axes = _rows_and_columns_last(image)
    labels = check_labels(labels)
    target, suffix = options.output, FORMATS[options.to].suffix
    if target.is_dir() and (suffix or not _holds_only_tracks(target)):
        target = target / f"{source.stem}{suffix or '_ctc'}"
    if not target.suffix and suffix:
        target = target.with_suffix(suffix)
    if target.exists() and not options.overwrite and not _empty(target):
        raise DataError(f"{target} is there already: choose another name, or add --overwrite.")
    if target.exists() and target.samefile(source):
        raise DataError(f"{target} is the labels themselves: choose another name.")
    table = table_beside(source, labels)
    if table is None and table_path(source).exists():
        print(
            f"Note: {table_path(source).name} tells of other objects than these labels: scores, "
            "intensities and classes are left out.",
            file=sys.stderr,
        )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        written = export(
            labels,
            target,
            options.to,
            table=table,
            pixel_size=_pixel_size(options, image),
            name=options.image or _image_beside(source),
            axes=axes,
        )
    for one in told:
        print(f"Note: {one.message}", file=sys.stderr)
    print(f"Wrote {written}", file=sys.stderr)
    return 0


def _empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _holds_only_tracks(folder: Path) -> bool:
    """Tell whether a folder is one of tracks, or becomes one: it is not written into, but anew."""
    from napari_sam.files.ctc import belongs

    return all(belongs(path.name) for path in folder.iterdir())


def _rows_and_columns_last(image: Image) -> tuple[npt.NDArray[np.integer[Any]], str]:
    """Return labels without the axes of length one that say nothing, and their letters."""
    kept = [a for a, n in zip(image.axes, image.shape, strict=True) if n > 1 or a in "YX"]
    order = [letter for letter in kept if letter not in "YX"] + ["Y", "X"]
    gone = tuple(at for at, letter in enumerate(image.axes) if letter not in kept)
    labels = image.finest.squeeze(gone)
    return labels.transpose([kept.index(letter) for letter in order]), "".join(order)


def _pixel_size(options: argparse.Namespace, image: Image) -> PixelSize | None:
    from napari_sam.pixel_size import PixelSize

    size = image.pixel_size
    if options.pixel_size is None:
        return size
    depth = None
    if size is not None and size.slice is not None:
        depth = size.in_unit("um").slice
    return PixelSize(options.pixel_size, options.pixel_size, "um", depth)


def _image_beside(labels: Path) -> str:
    """Return the file name of the image the labels belong to, as far as it can be told."""
    from napari_sam.files.beside import image_beside

    return (image_beside(labels) or labels).name
