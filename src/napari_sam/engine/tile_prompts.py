"""Prompts brought from a plane to a tile of it, and answers brought back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from napari_sam.images import Tile
from napari_sam.prompts import BACKGROUND, Prompt, Window
from napari_sam.regions import Region, box_of
from napari_sam.segmentation import Candidates

__all__ = ["candidates_of", "prompt_in"]


def prompt_in(tile: Tile, prompt: Prompt) -> Prompt:
    """Say a prompt of a plane in pixels of a tile that holds the object.

    What is said not to belong to the object beyond the tile is left out: there it says nothing.

    Parameters
    ----------
    tile : Tile
    prompt : Prompt

    Returns
    -------
    Prompt
    """
    assert prompt.labels is not None
    assert prompt.stroke_labels is not None
    points = tile.from_plane(prompt.points)
    last = np.array(tile.shape) - 0.5
    inside = ((points >= -0.5) & (points <= last)).all(axis=1)
    kept = inside | (prompt.labels != BACKGROUND)
    drawn = [tile.from_plane(line) for line in prompt.strokes]
    said = [
        (line.clip(-0.5, last), label)
        for line, label in zip(drawn, prompt.stroke_labels, strict=True)
        if label != BACKGROUND or ((line >= -0.5) & (line <= last)).all()
    ]
    boxes = tile.from_plane(prompt.boxes.reshape(-1, 2)).reshape(-1, 4)
    return Prompt(
        points=points[kept].clip(-0.5, last),
        labels=prompt.labels[kept],
        boxes=boxes,
        mask=_mask_in(tile, prompt.region),
        logits=prompt.logits,
        window=None if prompt.window is None else _window(tile.from_plane, prompt.window),
        text=prompt.text,
        strokes=[line for line, _ in said],
        stroke_labels=[label for _, label in said],
    )


def candidates_of(tile: Tile, found: Candidates) -> Candidates:
    """Return an answer about a tile as one about its plane.

    Parameters
    ----------
    tile : Tile
    found : Candidates
        In pixels of the tile.

    Returns
    -------
    Candidates
        Their masks reach no further than the largest of them.
    """
    regions = [tile.region(part, *found.corner) for part in found.parts]
    top, left, bottom, right = box_of(regions) or (0, 0, 1, 1)
    size = bottom - top, right - left
    return Candidates(
        masks=np.stack([region.on(size, top, left) for region in regions]),
        scores=found.scores,
        logits=found.logits,
        window=_window(tile.to_plane, found.window),
        corner=(top, left),
        shape=tile.block.plane.shape,
    )


def _window(convert: Callable[[npt.ArrayLike], npt.ArrayLike], window: Window) -> Window:
    corners = convert(np.reshape(window, (2, 2)))
    r0, c0, r1, c1 = (float(v) for v in np.ravel(corners))
    return r0, c0, r1, c1


def _mask_in(tile: Tile, region: Region | None) -> npt.NDArray[np.bool_] | None:
    """Bring a mask of the plane to a tile: the pixels whose middles lie in it."""
    if region is None:
        return None
    rows, columns = (
        np.rint((np.arange(side) + first + 0.5) * step - 0.5).astype(np.intp)
        for side, first, step in zip(
            tile.shape, (tile.rows[0], tile.columns[0]), tile.scale.step, strict=True
        )
    )
    part = region.at(rows, columns)
    return part if part.any() else None
