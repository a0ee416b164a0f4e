"""A model's answer to one prompt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.counts import counted
from napari_sam.errors import ModelError
from napari_sam.prompts import Window
from napari_sam.regions import Region


@dataclass(frozen=True, eq=False, init=False)
class Candidates:
    """A model's answer to one prompt, best first.

    Parameters
    ----------
    masks : (K, H, W) bool
        Over the whole plane; with `shape`, over a part of it, outside which they are empty.
    scores : (K,) float
        Predicted IoU of each mask with the object meant.
    logits : (K, h, w) float32
        Low-resolution logits, for ``Prompt(logits=..., window=...)`` of the next round.
    window : (r0, c0, r1, c1)
        The region of the plane that the logits cover.
    corner : (int, int)
        Row and column of the plane where a part begins.
    shape : (H, W), optional
        Of the whole plane, when the masks are over a part of it.

    Attributes
    ----------
    parts : (K, h, w) bool
        The masks as they were given. Of a large plane they are small.

    Raises
    ------
    ModelError
        When the answer has NaN in it or its parts do not belong together.

    Examples
    --------
    >>> part = np.ones((1, 2, 3), bool)
    >>> found = Candidates(
    ...     part, np.ones(1), np.ones((1, 4, 4)), (0, 0, 8, 9), corner=(5, 6), shape=(8, 9)
    ... )
    >>> found.masks.shape, found.regions[0].box
    ((1, 8, 9), (5, 6, 7, 9))
    """

    parts: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    window: Window
    corner: tuple[int, int]
    shape: tuple[int, int]

    def __init__(
        self,
        masks: npt.NDArray[np.bool_],
        scores: npt.NDArray[np.float32],
        logits: npt.NDArray[np.float32],
        window: Window,
        corner: tuple[int, int] = (0, 0),
        shape: tuple[int, int] | None = None,
    ) -> None:
        masks = checks.array(masks, "masks", ModelError, kinds="b", ndim=3)
        scores = checks.array(scores, "scores", ModelError, kinds="f", ndim=1)
        logits = checks.array(logits, "logits", ModelError, kinds="f", ndim=3)
        if not len(masks) == len(scores) == len(logits):
            raise ModelError(
                f"{len(masks)} masks, {len(scores)} scores and {len(logits)} logits are not the "
                "answers to one prompt."
            )
        if not (np.isfinite(scores).all() and np.isfinite(logits).all()):
            raise ModelError(
                "The model answered with NaN or infinity: its weights are damaged or of another "
                "kind. Copy or download the checkpoint again."
            )
        checks.window(window, "window", ModelError)
        corner = checks.corner(corner, "corner", ModelError)
        height, width = masks.shape[1:]
        whole = (height, width) if shape is None else checks.plane_shape(shape, ModelError)
        ends = corner[0] + height, corner[1] + width
        if ends[0] > whole[0] or ends[1] > whole[1]:
            raise ModelError(f"Masks of {height} x {width} at {corner} are not on a plane {whole}.")
        values = masks, scores, logits, window, corner, whole
        for name, value in zip(self.__dataclass_fields__, values, strict=True):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        scores = ", ".join(f"{score:.2f}" for score in self.scores)
        return f"Candidates: {counted(len(self), 'mask')} of {self.shape}, scores {scores}"

    @cached_property
    def masks(self) -> npt.NDArray[np.bool_]:
        """The masks over the whole plane, (K, H, W)."""
        if self.parts.shape[1:] == self.shape:
            return self.parts
        # calloc: pages of a large plane cost memory only where something is written.
        masks = np.zeros((len(self), *self.shape), dtype=bool)
        (top, left), (height, width) = self.corner, self.parts.shape[1:]
        masks[:, top : top + height, left : left + width] = self.parts
        return masks

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """Each mask with the place where it lies."""
        return tuple(Region.of(part, *self.corner) for part in self.parts)
