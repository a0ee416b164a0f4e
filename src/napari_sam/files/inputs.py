"""From what was typed to images: files, folders and patterns."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from napari_sam.errors import DataError, InstallationError
from napari_sam.files.kinds import IMAGE_SUFFIXES
from napari_sam.files.names import way_within
from napari_sam.files.ngff import MARKS, is_ngff, missing_of_group
from napari_sam.files.signature import made_here
from napari_sam.files.sources import Source, sources_of

_FOLDERS = 1000  # that are looked into for images to tell of
_TO_A_FIELD = 3  # names within a plate: its row, its column, its own


def find_inputs(typed: Iterable[str], besides: Iterable[Path] = ()) -> list[Path]:
    """List the image files that were meant, each once, without those this program made.

    Parameters
    ----------
    typed : iterable of str
        Files, folders (their images, not those of folders within; one of OME-Zarr is an image
        or a plate itself), and patterns such as ``plate*/*.tif`` or ``plate.zarr/A/*`` for shells
        that do not expand them.
    besides : iterable of Path
        Files that are known to be something else, such as labels of examples: left out.

    Raises
    ------
    DataError
        When something typed is not there, or no image is left.
    """
    found: dict[Path, Path] = {}
    asked = list(typed)
    for item in asked:
        for file in _files_meant(item):
            usable = is_ngff(file) or (file.is_file() and file.name not in MARKS)
            if usable and not file.name.startswith("."):
                found.setdefault(file.resolve(), file)
        for missing in _missing_of_plates(item):
            found.setdefault(missing.resolve(), missing)
    for known in besides:
        found.pop(known.resolve(), None)
    images = [path for path in found.values() if not made_here(path)]
    if not images:
        made = f" ({len(found)} were made by napari-sam itself)" if found else ""
        raise DataError(
            f"No images found{made}. Files end in one of {', '.join(IMAGE_SUFFIXES)}."
            + _in_folders_within(asked)
        )
    return images


def _in_folders_within(asked: list[str]) -> str:
    """Say how images are reached that lie in folders within those asked for; empty for none."""
    for folder in filter(os.path.isdir, asked):
        for root, _, _ in itertools.islice(os.walk(folder), _FOLDERS):
            with contextlib.suppress(OSError):
                within = [path for path in _files_meant(root) if not path.name.startswith(".")]
                first = next((path for path in within if not made_here(path)), None)
                if first is not None:
                    every = os.path.join(glob.escape(folder), "**", f"*{first.suffix}")
                    return (
                        f" There are some in folders within, such as {first}: choose such a "
                        f"folder, or name those of all by a pattern, '{every}'."
                    )
    return ""


def _files_meant(item: str) -> list[Path]:
    if not item:  # a variable of the shell that is not set; not the folder one is in
        raise DataError("One of the inputs is empty: name an image or a folder, '.' for this one.")
    path = Path(item)
    try:
        if path.is_dir() and not is_ngff(path):
            within = sorted(path.iterdir())
            return [p for p in within if p.suffix.lower() in IMAGE_SUFFIXES or is_ngff(p)]
        if path.exists():
            return [path]
        files = [Path(match) for match in sorted(glob.glob(item, recursive=True))]
    except (OSError, ValueError) as error:  # no right to look, a name too long, a NUL in it
        raise DataError(f"{item!r} cannot be looked at: {error}.") from error
    if not files:
        raise DataError(f"Nothing found at {item}.")
    return files


def _missing_of_plates(item: str) -> list[Path]:
    """List wells and fields that are meant by a row of a plate or a pattern, and are not there.

    The plate tells of them: whoever reads them says that they are missing.
    """
    way = way_within(Path(item))
    if not way or (is_ngff(Path(item)) and len(way) > 1):  # a well tells of its own fields
        return []
    found = []
    for plate in map(Path, glob.glob(str(Path(item).parents[len(way) - 1]), recursive=True)):
        with contextlib.suppress(DataError, InstallationError):  # said when it is read
            for missing in missing_of_group(plate):
                names = missing.split("/")
                told = len(names) == _TO_A_FIELD > len(way)  # by its well, which is meant as well
                if not told and all(map(fnmatch.fnmatchcase, names, way)):
                    found.append(plate / missing)
    return found


def find_sources(
    typed: Iterable[str], series: int | None = None, besides: Iterable[Path] = ()
) -> list[Source]:
    """List the images that were meant, see `find_inputs`: all of those that a file holds.

    Parameters
    ----------
    typed : iterable of str
    series : int, optional
        Of every file, only the image of this number.
    besides : iterable of Path
        Files that are left out, see `find_inputs`.

    Raises
    ------
    DataError
        When something typed is not there, or no image is left.
    """
    return sources_of(find_inputs(typed, besides), series)
