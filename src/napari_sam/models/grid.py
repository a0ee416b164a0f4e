"""Many single clicks, answered by any model that answers prompts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.models.capabilities import PointAnswer, Promptable, Sieve
from napari_sam.models.embedding import Embedding
from napari_sam.progress import Progress, part
from napari_sam.prompts import Prompt

_BATCH = 8  # points between which it may be cancelled at the latest


class PointByPoint:
    """Asks a model about one point after the other; families that can do better do.

    Parameters
    ----------
    model : Promptable
    """

    def __init__(self, model: Promptable) -> None:
        self._model = model

    def answer_points(
        self,
        embedding: Embedding,
        points: npt.NDArray[np.float64],
        sieve: Sieve,
        progress: Progress,
    ) -> Iterator[PointAnswer]:
        """Yield the candidates that pass; see `napari_sam.models.capabilities.Grid`.

        Stability is read off the low-resolution logits. Empty masks never pass.
        """
        # A point on the far edge of a crop belongs to its last pixel.
        limit = np.array(embedding.shape) - 0.5
        for start in range(0, len(points), _BATCH):
            batch = np.minimum(points[start : start + _BATCH], limit)
            # Cancelled between two points, not only between two batches.
            stage = part(progress, start / len(points), (start + len(batch)) / len(points))
            prompts = [Prompt(points=[point]) for point in batch]
            answers = self._model.predict_each(embedding, prompts, progress=stage)
            for at, answer in enumerate(answers, start=start):
                for mask, score, logits in zip(
                    answer.masks, answer.scores, answer.logits, strict=True
                ):
                    stability = ratio(
                        np.count_nonzero(logits > sieve.offset),
                        np.count_nonzero(logits > -sieve.offset),
                    )
                    if sieve.passes(np.float32(score), stability) and mask.any():
                        yield PointAnswer(at, np.float32(score), stability, mask, 0, 0)


def ratio(part: int | np.signedinteger[Any], whole: int | np.signedinteger[Any]) -> np.float32:
    """Divide in 32 bits; NaN by nothing.

    Examples
    --------
    >>> float(ratio(1, 4)), float(ratio(0, 0))
    (0.25, nan)
    """
    return np.float32(part) / np.float32(whole) if whole else np.float32(np.nan)
