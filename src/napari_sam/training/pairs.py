"""Folders of annotated images: find the pairs, read them, name their family and group."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from napari_sam.errors import DataError

__all__ = ["FAMILIES", "Pair", "data_hash", "find_pairs", "neighbour_of", "scale_to_unit"]

#: The rows of every table, in order, with the words that put a modality into each.
FAMILIES: dict[str, tuple[str, ...]] = {
    "fluorescence nuclei": ("fluorescence",),
    "confocal tissue": ("confocal",),
    "stained tissue": ("stained", "tissue", "h&e", "histology"),
    "bacteria": ("bacteria",),
    "EM": ("sem ", "tem ", "em neurites", "electron"),
    "large objects": ("volvox", "colonies", "organoid"),
    "phase / brightfield": ("phase", "brightfield", "dic"),
    "endothelium": ("endothelium",),
}
#: Numbered slices, frames and repeated recordings whose neighbours show the same objects: how
#: their names begin, the first number, and how many make a group.
_SERIES: dict[str, tuple[int, int]] = {
    r"(.*_set)(\d+)": (1, 5),
    r"(flyem_medulla_)(?:slice|z)(\d+)": (0, 85),
    r"(cornea_a_)(?:even|odd)(\d+)": (0, 8),
}
_FOLDERS = (("images", "labels"), ("images", "masks"), ("image", "label"), ("img", "gt"))


@dataclass(frozen=True)
class Pair:
    """One annotated image on disk.

    Attributes
    ----------
    name : str
        File name without its ending.
    image_path, labels_path : Path
        The image and the label image (0 background, one integer per object).
    modality : str
        Free text from the table, or the folder's name.
    group : str
        Images of one group come from the same specimen, field or film; a group is never
        divided between training and validation.
    validation_only : bool
        Whether the table's notes say that nobody may train on it.
    """

    name: str
    image_path: Path
    labels_path: Path
    modality: str
    group: str
    validation_only: bool = False

    @property
    def family(self) -> str:
        """Row of the tables that this image counts towards."""
        modality = self.modality.lower()
        for family, words in FAMILIES.items():
            if any(word in modality for word in words):
                return family
        return "other"

    def planes(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Read the file and yield the ``(image, labels)`` of :meth:`slices`."""
        for image, labels, _ in self.slices():
            yield image, labels

    def slices(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
        """Read the file and yield planes and what lies beside them.

        Yields
        ------
        image : ndarray
            (H, W) or (H, W, 3), as stored.
        labels : ndarray of int32
            (H, W).  Stacks give at most six planes, evenly spaced, those with objects.
        neighbour : ndarray of int32 or None
            (H, W), the same objects in a slice or frame up to three away; None of a plane.

        Raises
        ------
        DataError
            If image and labels disagree in shape.
        """
        image, labels = tifffile.imread(self.image_path), tifffile.imread(self.labels_path)
        if image.ndim == 3 and image.shape[-1] > 4 and image.shape == labels.shape:
            used = [z for z in range(len(labels)) if labels[z].any()]
            for number, z in enumerate(used[:: max(1, len(used) // 6)][:6]):
                beside = neighbour_of(z, number, len(labels))
                yield image[z], labels[z].astype(np.int32), labels[beside].astype(np.int32)
            return
        if image.ndim == 3 and image.shape[-1] in (2, 3, 4):
            image = image[..., :3] if image.shape[-1] > 2 else image[..., 0]
        if image.shape[:2] != labels.shape:
            raise DataError(
                f"{self.image_path.name} is {image.shape[:2]} but its labels are "
                f"{labels.shape}: both must have the same rows and columns."
            )
        yield image, labels.astype(np.int32), None


#: How far away neighbouring slices are taken, in turn.
_STEPS = (1, -1, 2, -2, 3, -3)


def neighbour_of(place: int, number: int, count: int) -> int:
    """Choose a slice near another one of a stack of ``count``; ``number`` varies the distance.

    Examples
    --------
    >>> [neighbour_of(5, number, 8) for number in range(6)]
    [6, 4, 7, 3, 2, 2]
    """
    step = _STEPS[number % len(_STEPS)]
    return place + step if 0 <= place + step < count else place - step


def _group(name: str, notes: str) -> str:
    """Name the specimen, field or film an image belongs to."""
    field = re.search(r"field group (\w+)", notes)
    if field:
        return f"field-{field.group(1)}"
    for pattern, (first, length) in _SERIES.items():
        part = re.fullmatch(pattern, name)
        if part:
            return f"{part.group(1)}{(int(part.group(2)) - first) // length}"
    animal = re.match(r"(.*_(?:rat|mouse|animal|Position)\d+)_", name)
    return animal.group(1) if animal else name


def find_pairs(folder: str | Path) -> list[Pair]:
    """Find every image/labels pair of a folder.

    Two conventions are read: ``NAME.image.tif`` beside ``NAME.labels.tif``, with an optional
    table ``SOURCES.csv`` (columns ``name``, ``modality``, ``notes``); or two folders
    ``images/`` and ``labels/`` (or ``masks/``) with equal file names.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    list of Pair
        Sorted by name.

    Raises
    ------
    DataError
        If the folder does not exist or holds no pair.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; give a folder of image pairs.")
    table: dict[str, dict[str, str]] = {}
    if (folder / "SOURCES.csv").exists():
        with open(folder / "SOURCES.csv", newline="", encoding="utf-8") as file:
            table = {row["name"]: row for row in csv.DictReader(file)}
    found = []
    for labels in sorted(folder.glob("*.labels.tif")):
        name = labels.name.removesuffix(".labels.tif")
        row = table.get(name, {})
        found.append((name, folder / f"{name}.image.tif", labels, row))
    for images, masks in _FOLDERS:
        for labels in sorted((folder / masks).glob("*.tif*")):
            name = labels.name.split(".")[0]
            found.append((name, folder / images / labels.name, labels, table.get(name, {})))
    pairs = []
    for name, image, labels, row in found:
        if image.exists():
            modality = row.get("modality") or folder.name
            notes = row.get("notes") or ""
            barred = "validation only" in notes.lower()
            pairs.append(Pair(name, image, labels, modality, _group(name, notes), barred))
    if not pairs:
        raise DataError(
            f"{folder} holds no pair: expected NAME.image.tif beside NAME.labels.tif, "
            "or the folders images/ and labels/ with equal file names."
        )
    return sorted(pairs, key=lambda pair: pair.name)


def scale_to_unit(image: np.ndarray, low: float = 1.0, high: float = 99.8) -> np.ndarray:
    """Scale a whole image to [0, 1] by its own percentiles; what lies outside is cut off.

    Parameters
    ----------
    image : ndarray
        (H, W) or (H, W, 3), any numeric dtype.  Channels share one scale, so hues stay.
    low, high : float
        Percentiles that become 0 and 1.

    Returns
    -------
    ndarray of float32
        Same shape.  A constant image becomes zeros.
    """
    image = np.asarray(image, np.float32)
    step = max(1, int(np.sqrt(image.shape[0] * image.shape[1] / 250_000)))
    a, b = np.percentile(image[::step, ::step], (low, high))
    out = (image - a) / (b - a) if b > a else np.zeros_like(image)
    return np.clip(out, 0, 1)


def data_hash(pairs: list[Pair]) -> str:
    """Short hash of the names and sizes of the files, to know later what was trained on."""
    digest = hashlib.sha256()
    for pair in pairs:
        size = (pair.image_path.stat().st_size, pair.labels_path.stat().st_size)
        digest.update(f"{pair.name}:{size}".encode())
    return digest.hexdigest()[:12]
