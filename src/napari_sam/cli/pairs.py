"""Images and the labels that belong to them, as commands are told of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from napari_sam.errors import DataError

if TYPE_CHECKING:
    from napari_sam.files.sources import Source
    from napari_sam.images import Image


def add_pairs(parser: argparse.ArgumentParser) -> None:
    """Let a command be told of images and their labels."""
    parser.add_argument("images", metavar="IMAGES", help="an image, a folder of them, or a plate")
    parser.add_argument(
        "labels",
        metavar="LABELS",
        type=Path,
        help="labels of that image, or a folder with labels called like the images, or like "
        "them and _labels",
    )


class Pair(NamedTuple):
    """An image, and the file of its labels."""

    source: Source
    labels: Path

    @property
    def called(self) -> set[str]:
        """What a table may call the image: as its outputs are, or where a file is one, as that."""
        from napari_sam.files.names import stem_of, way_within

        source = self.source
        alone = source.series is None and not way_within(source.path)
        files = {source.path.name, stem_of(source.path)} if alone else set()
        return {source.name, source.title} | files

    def image(self, channel: int | None) -> Image:
        """Open the image, of one channel.

        Raises
        ------
        DataError, ImageError
        """
        from napari_sam.files import read_image
        from napari_sam.files.pick import pick

        return pick(read_image(self.source.path, series=self.source.series), channel)


def pairs_of(images: str, labels: Path) -> list[Pair]:
    """List images, each with its labels.

    Parameters
    ----------
    images : str
        An image, a folder, or a plate of OME-Zarr; files may hold several images.
    labels : Path
        Labels, or a folder of them; images without labels are left out.

    Raises
    ------
    DataError
        When there are no such files or folders, no labels for any image, or one file of labels for
        several.
    """
    from napari_sam.files.inputs import find_sources
    from napari_sam.files.ngff import is_ngff

    sources = find_sources([images])
    if not labels.exists():
        raise DataError(f"There are no labels at {labels}: no such file or folder.")
    if labels.is_dir() and not is_ngff(labels):
        found = [(source, _labels_in(labels, source, len(sources) == 1)) for source in sources]
        known = [Pair(source, own) for source, own in found if own is not None]
    else:
        known = [Pair(source, labels) for source in sources]
        if len(sources) > 1:
            known = []
    if not known:
        raise DataError(
            f"{labels} has no labels for the images of {images}: expected files called like the "
            "images, or like them and _labels, such as cells_1_labels.tif for cells_1.tif."
        )
    return known


def _labels_in(folder: Path, source: Source, alone: bool) -> Path | None:
    """Find labels as `segment` names them, or as the file is called that is one image."""
    from napari_sam.files.beside import labels_beside

    own = labels_beside(source.path, folder, source.name)
    if own is None and (alone or source.series is None):
        own = labels_beside(source.path, folder)
    return own
