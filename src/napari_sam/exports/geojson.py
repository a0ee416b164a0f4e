"""GeoJSON: polygons in image pixels, as QuPath reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam.classes import classes_in, colours_in, colours_of, rgb
from napari_sam.exports.coco import known_scores
from napari_sam.exports.objects import Item, Labelled, items
from napari_sam.exports.outlines import Ring, outlines
from napari_sam.files import in_one_piece
from napari_sam.pixel_size import PixelSize


def write(path: Path, what: Labelled) -> None:
    """Write every object as a feature with its exact outline.

    Coordinates are ``[x, y]`` pixels, with the top left corner of the image at ``[0, 0]``.
    Areas among the measurements are physical when the pixel size is known. On a stack each
    object has one feature per plane, with its place along Z and T as ``plane.z`` and ``plane.t``.
    The class of an object is its ``classification``, with a colour.
    """
    scores = known_scores(what.table)
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "name": what.name,
        "features": [
            _feature(item, scores, what.pixel_size, what.letters) for item in items(what.labels)
        ],
    }
    classes = classes_in(what.table)
    colours = colours_of(classes.values(), colours_in(what.table))
    for feature in document["features"]:
        said = feature["properties"]
        if (known := classes.get(said["label"])) is not None:
            said["classification"] = {"name": known, "color": rgb(colours[known])}
    with in_one_piece(path) as temporary:
        temporary.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")


def _feature(
    item: Item, scores: dict[int, float], pixel_size: PixelSize | None, letters: str
) -> dict[str, Any]:
    polygons = [
        [_closed(ring, item.corner) for ring in (part.outer, *part.holes)]
        for part in outlines(item.mask)
    ]
    geometry: dict[str, Any] = (
        {"type": "Polygon", "coordinates": polygons[0]}
        if len(polygons) == 1
        else {"type": "MultiPolygon", "coordinates": polygons}
    )
    if letters:
        place = dict(zip(letters, item.position, strict=True))
        geometry["plane"] = {"c": -1, "z": place.get("Z", 0), "t": place.get("T", 0)}
    area = int(item.mask.sum())
    measurements: dict[str, float] = {"Area px": area}
    if pixel_size is not None:
        measurements[f"Area {pixel_size.unit}^2"] = area * pixel_size.area
    if item.label in scores:
        measurements["Score"] = scores[item.label]
    return {
        "type": "Feature",
        "geometry": geometry,
        "properties": {
            "objectType": "detection",
            "name": str(item.label),
            "label": item.label,
            "measurements": measurements,
        },
    }


def _closed(ring: Ring, corner: tuple[int, int]) -> list[list[int]]:
    """Turn a ring into closed ``[x, y]`` coordinates of the whole plane."""
    shifted = ring + np.array(corner)
    closed: list[list[int]] = np.concatenate([shifted, shifted[:1]])[:, ::-1].tolist()
    return closed
