"""COCO instance segmentation: run-length masks in JSON, one image per plane."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_sam.classes import classes_in
from napari_sam.exports.objects import Item, Labelled, items
from napari_sam.files import in_one_piece


def write(path: Path, what: Labelled) -> None:
    """Write every object as an annotation.

    Annotation ids must be unique over all images of the file, and an object of a stack lies on
    several planes: the object's own id is kept as ``label`` beside it. On a single plane
    both are the same. Areas and boxes are in pixels, as COCO prescribes; the physical pixel
    size goes to ``info``. Classes of objects become categories in the order of their names;
    objects without one are of the category ``cell``. Planes are numbered in their order.
    """
    labels, table, pixel_size, name = what.labels, what.table, what.pixel_size, what.name
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
    categories, category_of = _categories(table)
    annotations = []
    for running, item in enumerate(items(labels), start=1):
        row, column = item.corner
        rows, columns = item.mask.shape
        annotation = {
            "id": item.label if count == 1 else running,
            "image_id": item.plane + 1,
            "category_id": category_of.get(item.label, 1),
            "label": item.label,
            "segmentation": {"size": [height, width], "counts": encode_item(item, (height, width))},
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
        "categories": categories,
    }
    with in_one_piece(path) as temporary:
        temporary.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")


def _categories(table: pd.DataFrame | None) -> tuple[list[dict[str, Any]], dict[int, int]]:
    """Return the categories, the first of which is ``cell``, and the number of each object's."""
    classes = classes_in(table)
    numbers = {"cell": 1}
    for name in sorted(set(classes.values())):
        numbers.setdefault(name, len(numbers) + 1)
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    return categories, {label: numbers[name] for label, name in classes.items()}


def encode_item(item: Item, size: tuple[int, int]) -> list[int]:
    """Run lengths of an object on the whole plane, found on its bounding box alone.

    Parameters
    ----------
    item : Item
    size : (H, W)
        Of the plane.

    Returns
    -------
    list of int
        What `napari_sam.run_lengths.encode_runs` would give for the whole plane.
    """
    height, width = size
    row, column = item.corner
    # Transposed, with a gap after each column, runs of pixels are rows of one flat array.
    rows, columns = item.mask.shape
    gaps = np.zeros((columns, rows + 1), dtype=bool)
    gaps[:, :-1] = item.mask.T
    edges = np.diff(gaps.ravel().astype(np.int8), prepend=0)
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    bounds = np.stack([starts, stops], axis=1)
    across = starts // (rows + 1)
    bounds += ((column + across) * height + row - across * (rows + 1))[:, None]
    flat = bounds.ravel()
    # What fills a plane from top to bottom goes on in the next column without a gap.
    joined = np.flatnonzero(flat[1:-1:2] == flat[2::2])
    flat = np.delete(flat, np.concatenate([joined * 2 + 1, joined * 2 + 2]))
    runs: list[int] = np.diff(flat, prepend=0, append=height * width).tolist()
    return runs[:-1] if runs[-1] == 0 else runs


def known_scores(table: pd.DataFrame | None) -> dict[int, float]:
    """Map each label of a table to its score, leaving out those without one."""
    if table is None or not {"label", "score"} <= set(table.columns):
        return {}
    scores = pd.to_numeric(table["score"], errors="coerce").astype(float)
    finite = np.isfinite(scores)  # JSON knows no other numbers
    return dict(zip(table["label"][finite].astype(int), scores[finite], strict=True))
