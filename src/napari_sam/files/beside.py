"""Which labels belong to which image, by their names."""

from __future__ import annotations

from pathlib import Path

from napari_sam.files.kinds import IMAGE_SUFFIXES
from napari_sam.files.names import ZARR, stem_of
from napari_sam.files.ngff import is_ngff

__all__ = ["image_beside", "labels_beside", "stem_of_labels"]

#: What is added to an image's name for labels of its objects.
_LABELS = ("_labels", ".labels", "_masks")
#: And for whatever is marked on it.
_ADDED = (*_LABELS, "_examples", "_unlike")


def stem_of_labels(labels: Path) -> str:
    """Return what the image of labels is called, without its ending.

    Examples
    --------
    >>> stem_of_labels(Path("plate/a_labels.tif"))
    'a'
    >>> stem_of_labels(Path("plate/a_masks_labels.tif"))
    'a_masks'
    """
    stem = stem_of(labels)
    added = next((added for added in _ADDED if stem.endswith(added)), "")
    return stem.removesuffix(added)


def image_beside(labels: Path) -> Path | None:
    """Return the image beside labels that they belong to, if it is there."""
    for middle in ("", ".image"):
        for ending in (".ome.tif", ".ome.tiff", *IMAGE_SUFFIXES):
            image = labels.with_name(f"{stem_of_labels(labels)}{middle}{ending}")
            if image.is_file() and image.name != labels.name:
                return image
    return None


def labels_beside(image: Path, folder: Path | None = None, name: str | None = None) -> Path | None:
    """Return the labels of an image, in a folder or beside it, if they are there.

    Parameters
    ----------
    image : Path
    folder : Path, optional
    name : str, optional
        What their names begin with, where that is not the image's own.
    """
    stem = (stem_of(image) if name is None else name).removesuffix(".image")
    folder = image.parent if folder is None else folder
    for added in (*_LABELS, ""):
        for suffix in (".ome.tif", *IMAGE_SUFFIXES):
            file = folder / f"{stem}{added}{suffix}"
            if file.is_file() and file.resolve() != image.resolve():
                return file
        group = folder / f"{stem}{added}{ZARR}"
        if is_ngff(group) and group.resolve() != image.resolve():
            return group
    return None
