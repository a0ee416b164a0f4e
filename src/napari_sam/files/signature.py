"""How files that this package made are known again, so that it never takes one for an input."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from napari_sam.errors import DataError
from napari_sam.files.kinds import kind_of

SOFTWARE = "napari-sam-bio"
"""Written into every file this package makes."""
MADE_BY = "made_by"
"""Under which name a group of zarr says so."""


def made_here(path: str | Path) -> bool:
    """Tell whether this package wrote the file."""
    path = Path(path)
    try:
        kind = kind_of(path)
        if kind == "TIFF":
            from napari_sam.files.tiff import opened

            with opened(path) as tif:
                tag = tif.pages[0].tags.get("Software")  # type: ignore[union-attr]
                return tag is not None and str(tag.value).startswith(SOFTWARE)
        if kind == "OME-Zarr":
            return _says_so(path)
        if kind == "PNG":
            from PIL.PngImagePlugin import PngImageFile

            with path.open("rb") as file:
                return str(PngImageFile(file).info.get("Software", "")).startswith(SOFTWARE)
    except (DataError, OSError, SyntaxError, ValueError, AttributeError):
        return False  # a damaged file is reported by whoever reads it
    return False


def _says_so(group: Path) -> bool:
    """Read what a group of zarr says, which needs no zarr."""
    for name in ("zarr.json", ".zattrs"):
        with suppress(FileNotFoundError):
            says = json.loads((group / name).read_text(encoding="utf-8"))
            attributes = says.get("attributes", {}) if name == "zarr.json" else says
            return str(attributes.get(MADE_BY, "")).startswith(SOFTWARE)
    return False
