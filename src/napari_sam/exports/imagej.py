"""ImageJ regions of interest: a zip file for the ROI Manager."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import roifile

from napari_sam.exports.objects import Item, Labelled, items
from napari_sam.exports.outlines import Outline, Ring, outlines
from napari_sam.files import in_one_piece

_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0


def write(path: Path, what: Labelled) -> None:
    """Write every object as a polygon; one with holes or several parts as a composite region.

    Regions are named by the object's id. ImageJ takes the pixel size from the image it shows,
    so none is written. On a stack each object has one region per plane, at that position; on a
    stack of slices and times at both.
    """
    with in_one_piece(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for item in items(what.labels):
            region = _region(item, what.letters)
            archive.writestr(f"{region.name}.roi", region.tobytes(), zipfile.ZIP_DEFLATED)


def _region(item: Item, letters: str) -> roifile.ImagejRoi:
    parts = outlines(item.mask)
    name = f"{item.plane + 1:04d}-{item.label:05d}" if letters else f"{item.label:05d}"
    if len(parts) == 1 and not parts[0].holes:
        region = roifile.ImagejRoi.frompoints(_xy(parts[0].outer, item.corner), name=name)
    else:
        region = _composite(parts, item, name)
    if len(letters) > 1:  # ImageJ's own name of a stack of several axes is hyperstack
        place = dict(zip(letters, item.position, strict=True))
        region.z_position = place.get("Z", 0) + 1
        region.t_position = place.get("T", 0) + 1
    elif letters:
        region.position = item.plane + 1
    return region


def _xy(ring: Ring, corner: tuple[int, int]) -> npt.NDArray[np.int64]:
    xy: npt.NDArray[np.int64] = (ring + np.array(corner))[:, ::-1]
    return xy


def _composite(parts: list[Outline], item: Item, name: str) -> roifile.ImagejRoi:
    path: list[float] = []
    for part in parts:
        for ring in (part.outer, *part.holes):
            for step, (x, y) in enumerate(_xy(ring, item.corner).tolist()):
                path += [_LINE if step else _MOVE, x, y]
            path.append(_CLOSE)
    region = roifile.ImagejRoi()
    region.roitype = roifile.ROI_TYPE.RECT
    region.name = name
    region.top, region.left = item.corner
    region.bottom = item.corner[0] + item.mask.shape[0]
    region.right = item.corner[1] + item.mask.shape[1]
    region.multi_coordinates = np.array(path, dtype=np.float32)
    region.shape_roi_size = len(path)
    return region
