"""COCO instance segmentation: run-length masks in JSON, one image per plane."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sam.exports.objects import items
from napari_sam.files import in_one_piece
from napari_sam.pixel_size import PixelSize


def write(
    path: Path,
    labels: npt.NDArray[np.integer[Any]],
    *,
    table: pd.DataFrame | None = None,
    pixel_size: PixelSize | None = None,
    name: str = "image",
) -> None:
    """Write every object as an annotation.

    Annotation ids must be unique over all images of the file, and an object of a stack lies on
    several planes: the object's own id is kept as ``label`` beside it. On a single plane
    both are the same. Areas and boxes are in pixels, as COCO prescribes; the physical pixel
    size goes to ``info``.

    Parameters
    ----------
    path : Path
    labels : (..., H, W) integer array
    table : pandas.DataFrame, optional
        With columns ``label`` and ``score``.
    pixel_size : PixelSize, optional
    name : str
        Name of the image the labels belong to.
    """
    height, width = labels.shape[-2:]
    count = int(np.prod(labels.shape[:-2], dtype=int))
    scores = known_scores(table)
    images = [
        {
            "id": number + 1,
            "file_name": name if count == 1 else f"{name}#{number}",
            "height": height,
            "width": width,
        }
        for number in range(count)
    ]
    annotations = []
    for running, item in enumerate(items(labels), start=1):
        whole = np.zeros((height, width), dtype=bool)
        row, column = item.corner
        rows, columns = item.mask.shape
        whole[row : row + rows, column : column + columns] = item.mask
        annotation = {
            "id": item.label if count == 1 else running,
            "image_id": item.plane + 1,
            "category_id": 1,
            "label": item.label,
            "segmentation": {"size": [height, width], "counts": encode_runs(whole)},
            "area": int(item.mask.sum()),
            "bbox": [column, row, columns, rows],
            "iscrowd": 0,
        }
        if item.label in scores:
            annotation["score"] = scores[item.label]
        annotations.append(annotation)
    info: dict[str, Any] = {"description": "Labels exported by napari-sam-bio"}
    if pixel_size is not None:
        info["pixel_size"] = {
            "row": pixel_size.row,
            "column": pixel_size.column,
            "slice": pixel_size.slice,
            "unit": pixel_size.unit,
        }
    document = {
        "info": info,
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "cell"}],
    }
    with in_one_piece(path) as temporary:
        temporary.write_text(json.dumps(document), encoding="utf-8")


def encode_runs(mask: npt.NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of a mask read column by column, starting with the zeros."""
    flat = np.concatenate([[False], mask.ravel(order="F")])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    runs: list[int] = np.diff(np.concatenate([[0], changes, [mask.size]])).tolist()
    return runs


def decode_runs(counts: list[int], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Mask (H, W) of run lengths made by `encode_runs`."""
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(size, order="F")


def known_scores(table: pd.DataFrame | None) -> dict[int, float]:
    """Map each label of a table to its score, leaving out those without one."""
    if table is None or not {"label", "score"} <= set(table.columns):
        return {}
    scored = table.dropna(subset=["score"])
    return dict(zip(scored["label"].astype(int), scored["score"].astype(float), strict=True))
