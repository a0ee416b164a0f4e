"""Overlapping masks as boolean arrays in one ``.npz``, written without holding them all."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.files import in_one_piece

#: Of each further array: the type and the shape of one mask's part.
_FIELDS: dict[str, tuple[type, tuple[int, ...]]] = {
    "area": (np.int64, ()),
    "bbox": (np.int64, (4,)),
    "predicted_iou": (np.float64, ()),
    "point_coords": (np.float64, (1, 2)),
    "stability_score": (np.float64, ()),
    "crop_box": (np.int64, (4,)),
}


def write(
    path: Path,
    records: Iterable[dict[str, Any]],
    *,
    count: int,
    shape: tuple[int, int],
    leading: int = 0,
) -> None:
    """Write the records of ``segment_everything(..., output="masks")``.

    ``numpy.load`` gives an array per name of a record, with a row per mask: ``segmentation``
    (N, H, W) bool, ``bbox`` (N, 4), and so on; for a stack also ``plane`` (N, leading axes).

    Parameters
    ----------
    path : Path
    records : iterable of dict
        Taken one at a time.
    count : int
        How many there are.
    shape : (H, W)
    leading : int
        Axes of the stack before its planes.
    """
    fields = {**_FIELDS, **({"plane": (np.int64, (leading,))} if leading else {})}
    rows: dict[str, list[Any]] = {name: [] for name in fields}
    header = {"descr": "|b1", "fortran_order": False, "shape": (count, *shape)}
    with in_one_piece(path) as temporary, _zip(temporary) as archive:
        with archive.open("segmentation.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for record in records:
                mask: npt.NDArray[np.bool_] = record["segmentation"]
                file.write(mask.tobytes())
                for name in fields:
                    rows[name].append(record[name])
        for name, (kind, part) in fields.items():
            values: npt.NDArray[Any] = np.array(rows[name], dtype=kind).reshape(count, *part)
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, values, allow_pickle=False)


def _zip(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
