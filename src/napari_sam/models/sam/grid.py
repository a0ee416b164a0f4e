"""Everything-mode's clicks, answered by a SAM: masks that nobody wants are never made."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from torch import Tensor

from napari_sam.models.capabilities import PointAnswer, Sieve
from napari_sam.models.embedding import Embedding
from napari_sam.models.grid import ratio
from napari_sam.models.sam.upsample import Upsampler
from napari_sam.progress import Progress

#: Scores of a click's three candidates, and what makes the logits of some of them.
Decode = Callable[
    [Embedding, npt.NDArray[np.float64], int],
    Iterator[tuple[npt.NDArray[np.float32], Callable[[list[int]], Tensor]]],
]


class SamGrid:
    """Answers the clicks of a grid by predicted IoU first, and only where a mask is.

    Parameters
    ----------
    decode : callable
        `SamModel.decode_points`.
    upsampler : callable
        `SamModel.upsampler`.
    threshold : float
        Logits above it are the mask.
    """

    def __init__(
        self, decode: Decode, upsampler: Callable[[Embedding], Upsampler], threshold: float
    ) -> None:
        self._decode, self._upsampler, self._threshold = decode, upsampler, threshold

    def answer_points(
        self,
        embedding: Embedding,
        points: npt.NDArray[np.float64],
        sieve: Sieve,
        progress: Progress,
    ) -> Iterator[PointAnswer]:
        """Yield the candidates that pass; see `napari_sam.models.capabilities.Grid`."""
        upsampler, middle = self._upsampler(embedding), self._threshold
        thresholds = [middle - sieve.offset, middle, middle + sieve.offset]
        for at, (scores, make) in enumerate(self._decode(embedding, points, sieve.batch)):
            progress(at / len(points))
            which = [i for i, score in enumerate(scores) if sieve.passes_score(score)]
            if not which:
                continue
            for place, logits in zip(which, make(which), strict=True):
                crop = upsampler.crop(logits, thresholds)
                if crop is None:
                    stability = np.float32(np.nan)
                    if sieve.passes_stability(stability):
                        empty = np.zeros((0, 0), dtype=bool)
                        yield PointAnswer(at, scores[place], stability, empty, 0, 0)
                    continue
                generous, mask, strict = crop.masks
                stability = ratio(np.count_nonzero(strict), np.count_nonzero(generous))
                if sieve.passes_stability(stability):
                    yield PointAnswer(at, scores[place], stability, mask, crop.top, crop.left)
