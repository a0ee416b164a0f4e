"""OME-TIFF images that lie in several files: which files belong together."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import tifffile

_PART = re.compile(r"<(?:\w+:)?(?:TiffData|BinaryOnly|UUID)\b")


def parts_of(tif: tifffile.TiffFile, path: Path) -> list[Path]:
    """List the files that an OME-TIFF speaks of, in its order; empty where it is the only one.

    Parameters
    ----------
    tif : tifffile.TiffFile
        Open.
    path : Path
        Of the same file.
    """
    root = _root(tif)
    if root is None:
        return []
    named = [
        element.attrib["FileName"]
        for element in root.iter()
        if element.tag.endswith("}UUID") and "FileName" in element.attrib
    ]
    master = _metadata_file(root)
    every = dict.fromkeys([*([master] if master else []), *named])
    parts = [path.parent / name for name in every]
    return parts if any(part.name.lower() != path.name.lower() for part in parts) else []


def binary_only_of(tif: tifffile.TiffFile, path: Path) -> Path | None:
    """Return the file with the description, of a file that holds planes and leaves that to it."""
    root = _root(tif)
    master = None if root is None else _metadata_file(root)
    return None if master is None else path.parent / master


def _root(tif: tifffile.TiffFile) -> ElementTree.Element | None:
    if not tif.is_ome or not tif.ome_metadata or _PART.search(tif.ome_metadata) is None:
        return None
    try:
        return ElementTree.fromstring(tif.ome_metadata)
    except ElementTree.ParseError:
        return None


def _metadata_file(root: ElementTree.Element) -> str | None:
    for element in root:
        if element.tag.endswith("}BinaryOnly"):
            return element.attrib.get("MetadataFile")
    return None
