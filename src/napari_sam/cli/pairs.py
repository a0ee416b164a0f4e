"""Images and the labels that belong to them, as commands are told of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_sam.errors import DataError


def add_pairs(parser: argparse.ArgumentParser) -> None:
    """Let a command be told of images and their labels."""
    parser.add_argument("images", metavar="IMAGES", help="an image, or a folder of them")
    parser.add_argument(
        "labels",
        metavar="LABELS",
        type=Path,
        help="labels of that image, or a folder with labels called like the images, or like "
        "them and _labels",
    )


def pairs_of(images: str, labels: Path) -> list[tuple[Path, Path]]:
    """List images, each with its labels.

    Parameters
    ----------
    images : str
        An image, or a folder.
    labels : Path
        Labels, or a folder of them; images without labels are left out.

    Raises
    ------
    DataError
        When there are no such files, no labels for any image, or one file of labels for several.
    """
    from napari_sam.files.beside import labels_beside
    from napari_sam.files.inputs import find_inputs
    from napari_sam.files.names import distinct_names

    files = find_inputs([images])
    if labels.is_dir():
        names = distinct_names(files)  # by which `segment` tells apart what is called alike
        found = [
            (file, labels_beside(file, labels, name) or labels_beside(file, labels))
            for file, name in zip(files, names, strict=True)
        ]
        known = [(file, own) for file, own in found if own is not None]
    else:
        known = [(file, labels) for file in files]
    if not known or (labels.is_file() and len(files) > 1):
        raise DataError(
            f"{labels} has no labels for the images of {images}: expected files called like the "
            "images, or like them and _labels, such as cells_1_labels.tif for cells_1.tif."
        )
    return known
