"""Uncertain objects, drawn again by the model's prompted decoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam import checks, images
from napari_sam.methods.prompted import COVERED, ask, prompts_of
from napari_sam.models.given import check_encoded
from napari_sam.models.model import Embedding, Model
from napari_sam.pixel_size import PixelSize
from napari_sam.progress import Progress, silent
from napari_sam.segmentation import Segmentation, measure

UNSURE = 0.75  # objects that score lower are drawn again


def refine_cells(
    found: Segmentation,
    pixels: npt.NDArray[Any],
    embedding: Embedding,
    model: Model,
    *,
    pixel_size: PixelSize | None = None,
    progress: Progress = silent,
) -> Segmentation:
    """Draw the uncertain objects of a plane again, each prompted by its deepest point and box.

    A new mask replaces the old one where its predicted IoU, which is its score from then on, is
    above the old score and most of it lies on no other object; no pixel of any other object
    changes, and ids stay.

    Parameters
    ----------
    found : Segmentation
        Of one plane, with ids 1..n.
    pixels : (H, W), (H, W, 3) or (H, W, 4) array
    embedding : Embedding
        What `model` made of the plane.
    model : Model
    pixel_size : PixelSize, optional
        Adds columns in its unit to the table.
    progress : callable

    Returns
    -------
    Segmentation

    Raises
    ------
    ImageError, ModelError, ParameterError, Cancelled
    """
    checks.instance(found, Segmentation, "found")
    check_encoded(model, embedding)
    plane = images.check_plane(pixels)
    scores = dict(zip(found.table["label"].tolist(), found.table["score"].tolist(), strict=True))
    uncertain = [number for number, score in scores.items() if score < UNSURE]
    if not uncertain:
        progress(1.0)
        return found
    labels = found.labels.copy()
    prompts = prompts_of(labels, uncertain)
    answers = ask(model, embedding, prompts, progress)
    ranked = sorted(zip(uncertain, answers, strict=True), key=lambda pair: -pair[1].score)
    for number, answer in ranked:
        region = answer.region
        if answer.score <= scores[number] or not region.area:
            continue
        here = labels[region.slices]
        free = region.pixels() & ((here == 0) | (here == number))
        if np.count_nonzero(free) <= (1 - COVERED) * region.area:
            continue
        labels[labels == number] = 0
        here[free] = number
        scores[number] = answer.score
    source = str(found.table["source"].iloc[0])
    table = measure(labels, plane, scores, source, pixel_size)
    return Segmentation(labels, table)
