"""From files to the images in them: each once, each with the name that its outputs begin with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from napari_sam.errors import DataError, InstallationError
from napari_sam.files.kinds import kind_of
from napari_sam.files.microscopes import scenes_of
from napari_sam.files.names import distinct_names, titles_of
from napari_sam.files.ngff import ways_of_group
from napari_sam.files.ome import binary_only_of, parts_of
from napari_sam.files.raw import FileImage
from napari_sam.files.tiff import images_of, opened


class Source(NamedTuple):
    """One image to be worked on.

    Attributes
    ----------
    path : Path
        The file it lies in.
    series : int or None
        Its number in that file; None where the file holds one image.
    name : str
        What the names of its outputs begin with.
    title : str
        What to call it before a person.
    """

    path: Path
    series: int | None
    name: str
    title: str


def sources_of(paths: Iterable[Path], series: int | None = None) -> list[Source]:
    """List the images of some files.

    A file that holds several images gives all of them, unless one is chosen; a plate of OME-Zarr
    those of all its wells, each by its own path. Of an OME image that lies in several files, the
    first of them that is given stands for all.

    Parameters
    ----------
    paths : iterable of Path
        Each file once. One that cannot be read is listed: whoever reads it says so.
    series : int, optional
        Of every file, only the image of this number, counted from 0.
    """
    kept: dict[Path, list[FileImage] | tuple[str, ...]] = {}
    others: set[Path] = set()
    every = list(paths)
    given = {path.resolve() for path in every}
    for path in every:
        if path.resolve() in others:
            continue
        images, parts = _survey(path, given)
        if images is None:  # its description lies in another file, which is given as well
            continue
        others |= parts
        kept[path] = images
    ends = [_ends(images) for images in kept.values()]
    found = []
    names, titles = distinct_names(list(kept), ends), titles_of(list(kept))
    for path, name, title, some in zip(kept, names, titles, ends, strict=True):
        images = kept[path]
        if isinstance(images, tuple):
            its = [
                Source(path / inner, None, f"{name}{end}", f"{title}/{inner}")
                for inner, end in zip(images, some, strict=True)
            ]
        elif len(images) < 2:
            its = [Source(path, images[0].series if images else None, name, title)]
        else:
            its = [
                Source(path, image.series, f"{name}{end}", f"{title}, image {image}")
                for image, end in zip(images, some, strict=True)
            ]
        if series is not None:  # called as among all; whoever reads it says if it is none
            numbers = range(len(its)) if isinstance(images, tuple) else [one.series for one in its]
            chosen = [one for one, number in zip(its, numbers, strict=True) if number == series]
            its = chosen or [Source(path, series, name, title)]
        found += its
    return found


def _ends(images: list[FileImage] | tuple[str, ...]) -> tuple[str, ...]:
    """Tell what follows the name of a file for each of its images that is a source."""
    if len(images) < 2 and not isinstance(images, tuple):
        return ("",)
    if isinstance(images, tuple):
        return tuple(f"_{inner.replace('/', '_')}" for inner in images)
    return tuple(f"_series{image.series}" for image in images)


def _survey(
    path: Path, given: set[Path]
) -> tuple[list[FileImage] | tuple[str, ...] | None, set[Path]]:
    """Return the images of a file where it holds several, and its other parts.

    Those of a group of OME-Zarr are told by their ways within.
    """
    try:
        kind = kind_of(path)
        if kind == "OME-Zarr":
            return ways_of_group(path) or [], set()
        if kind == "microscope":
            scenes = scenes_of(path)
            return (scenes if len(scenes) > 1 else []), set()
        if kind != "TIFF":
            return [], set()
        with opened(path) as tif:
            master = binary_only_of(tif, path)
            if master is not None and master.resolve() in given:
                return None, set()
            parts = {part.resolve() for part in parts_of(tif, path)} - {path.resolve()}
            if not parts and not tif.is_ome and not tif.pages.is_multipage:
                return [], set()
            images = images_of(tif)
            return (images if len(tif.series) > 1 else []), parts
    except (DataError, InstallationError, OSError):
        return [], set()
