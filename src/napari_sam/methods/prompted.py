"""Objects that are roughly known become prompts, and the answers become objects.

The prompt is the point deepest inside the rough object together with its box: the point says
which of the things in the box is meant, the box says how much of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.methods.interpolation import Labels
from napari_sam.methods.packed_masks import PackedMask
from napari_sam.models.model import Embedding, Model
from napari_sam.progress import Progress, part, silent
from napari_sam.prompts import Prompt
from napari_sam.regions import deepest

BATCH = 16  # answers of the whole plane that are held at a time
COVERED = 0.5  # share of a mask that better ones may cover


@dataclass(frozen=True, eq=False)
class Redrawn:
    """What a model answered about one rough object.

    Parameters
    ----------
    point : (int, int)
        ``(row, column)`` of the point.
    region : PackedMask
        The best candidate.
    score : float
        Its predicted IoU, 0 to 1.
    """

    point: tuple[int, int]
    region: PackedMask
    score: float


class Scored(Protocol):
    """An object with a score."""

    @property
    def region(self) -> PackedMask:
        """Its mask."""
        ...

    @property
    def score(self) -> float:
        """The better, the higher."""
        ...


def prompts_of(labels: npt.NDArray[np.integer], ids: Sequence[int]) -> list[Prompt]:
    """Make a prompt of each of these objects: its deepest point and its box.

    Parameters
    ----------
    labels : (H, W) integer array
    ids : sequence of int
        Objects that are there.
    """
    boxes = ndi.find_objects(labels)
    found = []
    for number in ids:
        rows, columns = boxes[number - 1]
        row, column = deepest(labels[rows, columns] == number)
        point = (rows.start + row, columns.start + column)
        box = (rows.start - 0.5, columns.start - 0.5, rows.stop - 0.5, columns.stop - 0.5)
        found.append(Prompt(points=[point], boxes=[box]))
    return found


def ask(
    model: Model, embedding: Embedding, prompts: Sequence[Prompt], progress: Progress = silent
) -> list[Redrawn]:
    """Ask about all prompts, and keep of each answer the best mask around its point."""
    found = []
    for start in range(0, len(prompts), BATCH):
        stage = part(progress, start / len(prompts), min(1.0, (start + BATCH) / len(prompts)))
        batch = prompts[start : start + BATCH]
        answers = model.predict_each(embedding, batch, progress=stage)
        for prompt, answer in zip(batch, answers, strict=True):
            row, column = (int(v) for v in prompt.points[0])
            score = float(np.clip(answer.scores[0], 0, 1))
            found.append(Redrawn((row, column), PackedMask.of(answer.masks[0]), score))
    progress(1.0)
    return found


def paint_answers(answers: Sequence[Scored], shape: tuple[int, int]) -> tuple[Labels, list[int]]:
    """Paint the masks from the best score down; what is mostly covered already is dropped.

    Parameters
    ----------
    answers : sequence of Redrawn
        Or of anything with a region and a score.
    shape : (H, W)

    Returns
    -------
    labels : (H, W) int32
        Ids 1..n.
    kept : list of int
        Place in `answers` of each, by id.
    """
    labels = np.zeros(shape, dtype=np.int32)
    kept: list[int] = []
    for place in sorted(range(len(answers)), key=lambda i: -answers[i].score):
        region = answers[place].region
        if not region.area:
            continue
        here = labels[region.slices]
        free = region.pixels() & (here == 0)
        if np.count_nonzero(free) <= (1 - COVERED) * region.area:
            continue
        kept.append(place)
        here[free] = len(kept)
    return labels, kept
