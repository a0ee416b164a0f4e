"""Prompts as SAM's prompt encoder wants them.

Only here and in the grid of clicks does the ``(x, y)`` order of Segment Anything exist. A pixel
``(row, column)`` becomes ``(x, y) = (column, row)`` unchanged: like the reference, this scales
the whole number to the square that the encoder sees and lets SAM's prompt encoder add half a
pixel there, so answers agree with ``SamPredictor`` for the same integers.

References
----------
Kirillov et al., Segment Anything, ICCV 2023.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from napari_sam.errors import PromptError
from napari_sam.models.sam.framing import Framing
from napari_sam.prompts import Prompt, Window
from napari_sam.regions import edges

_SURE = 6.9  # logit of a pixel inside a mask prompt: a probability of 0.999


class PromptEmbedder:
    """Embeds prompts with the prompt encoder of a ``segment_anything`` model.

    Parameters
    ----------
    network : segment_anything.modeling.Sam
    framing : Framing
    device : str
    """

    def __init__(self, network: Any, framing: Framing, device: str) -> None:
        self.encoder = network.prompt_encoder
        self.framing = framing
        self.side = framing.side
        self.device = device

    def used(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns that a plane takes up in the square that the encoder sees."""
        return self.framing.used(shape)

    def window(self, shape: tuple[int, int]) -> Window:
        """Edges of the region that low-resolution logits cover, in pixels of the plane."""
        used = self.used(shape)
        return (
            -0.5,
            -0.5,
            self.side * shape[0] / used[0] - 0.5,
            self.side * shape[1] / used[1] - 0.5,
        )

    def embed(self, prompt: Prompt, shape: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
        """Let SAM's prompt encoder embed a prompt.

        Returns
        -------
        sparse : (1, P, C) Tensor
        mask : (1, M, h, w) Tensor or None
            The mask prompt before the last layer that embeds it, a product with a matrix.
        """
        used = self.used(shape)
        scale = np.array(used) / np.array(shape)
        points = boxes = masks = None
        box = prompt.box
        if len(prompt.all_points):
            xy = torch.from_numpy((prompt.all_points * scale)[None, :, ::-1].copy())
            labels = torch.from_numpy(prompt.all_labels.astype(np.int32))[None]
            points = (xy.float().to(self.device), labels.to(self.device))
        if prompt.logits is not None:
            masks = self._logits(prompt, shape)
        elif prompt.mask is not None:
            masks = torch.from_numpy(self.mask_logits(prompt.mask, used))[None, None]
            if box is None and points is None:
                box = edges(prompt.mask)
        if box is not None:
            corners = np.array(box).reshape(1, 2, 2) * scale
            boxes = torch.from_numpy(corners[..., ::-1].reshape(1, 4).copy())
            boxes = boxes.float().to(self.device)
        sparse = self.sparse(points, boxes)
        if masks is None:
            return sparse, None
        return sparse, self.encoder.mask_downscaling[:-1](masks.to(self.device))

    def sparse(self, points: tuple[Tensor, Tensor] | None, boxes: Tensor | None) -> Tensor:
        """Embed points with their labels and a box, (1, P, C)."""
        found, _ = self.encoder(points=points, boxes=boxes, masks=None)
        return found

    def _logits(self, prompt: Prompt, shape: tuple[int, int]) -> Tensor:
        assert prompt.logits is not None
        size = tuple(self.encoder.mask_input_size)
        window = self.window(shape)
        if prompt.logits.shape != size or (
            prompt.window is not None and not np.allclose(prompt.window, window)
        ):
            raise PromptError(
                f"These logits have shape {prompt.logits.shape} and cover {prompt.window}, but "
                f"this model refines logits of shape {size} that cover {window}. They come from "
                "another model or plane: start again from points, a box or a mask."
            )
        return torch.from_numpy(prompt.logits.copy())[None, None]

    def mask_logits(
        self, mask: npt.NDArray[np.bool_], used: tuple[int, int]
    ) -> npt.NDArray[np.float32]:
        """Logits (h, w) of the padded square for a mask of the plane."""
        height, width = self.encoder.mask_input_size
        rows = max(1, round(height * used[0] / self.side))
        columns = max(1, round(width * used[1] / self.side))
        small = Image.fromarray(mask.astype(np.float32)).resize(
            (columns, rows), resample=Image.Resampling.BOX
        )
        logits = np.full((height, width), -_SURE, dtype=np.float32)
        logits[:rows, :columns] = (np.asarray(small) * 2 - 1) * _SURE
        return logits


def leaves_doubt(prompt: Prompt) -> bool:
    """Whether a prompt may mean several things, so that SAM shall offer three masks."""
    box = int(len(prompt.boxes) > 0)
    refined = int(prompt.logits is not None or prompt.mask is not None)
    points = len(prompt.all_points)
    return points + box <= 1 and not (points and refined)
