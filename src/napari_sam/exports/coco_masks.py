"""Overlapping masks as COCO annotations with compressed run lengths, one image per plane."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam.files import in_one_piece


def write(
    path: Path,
    records: Iterable[dict[str, Any]],
    *,
    shape: tuple[int, ...],
    name: str = "image",
) -> None:
    """Write the records of ``segment_everything(..., output="rle")``.

    Each annotation is a record under its own names, with what COCO wants besides; ``score`` is
    the predicted IoU. Width and height of ``bbox`` count pixels here, as COCO does; in a record
    they are one less, as in the reference.

    Parameters
    ----------
    path : Path
    records : iterable of dict
    shape : (..., H, W)
        Of the image, without colour.
    name : str
        Name of the image.
    """
    *leading, height, width = shape
    planes = list(np.ndindex(*leading))
    images = [
        {
            "id": number,
            "file_name": f"{name}#{number - 1}" if leading else name,
            "height": height,
            "width": width,
        }
        for number in range(1, len(planes) + 1)
    ]
    numbers = {plane: number for number, plane in enumerate(planes, start=1)}
    annotations = [
        _annotation(record, running, numbers[record.get("plane", ())])
        for running, record in enumerate(records, start=1)
    ]
    document = {
        "info": {"description": "Masks found by napari-sam-bio"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "object"}],
    }
    with in_one_piece(path) as temporary:
        temporary.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")


def _annotation(record: dict[str, Any], number: int, image: int) -> dict[str, Any]:
    left, top, across, down = record["bbox"]
    pixel = 1 if record["area"] else 0
    stability = record["stability_score"]  # NaN of an empty mask, which JSON does not know
    return {
        **record,
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [left, top, across + pixel, down + pixel],
        "score": record["predicted_iou"],
        "stability_score": None if math.isnan(stability) else stability,
    }
