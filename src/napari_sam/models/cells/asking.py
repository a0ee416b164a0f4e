"""Prompts as the ``cells`` network takes them, and its answers to several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_sam.models.cells.answers import sober
from napari_sam.models.cells.encoder import Features
from napari_sam.models.cells.framing import WINDOW
from napari_sam.models.cells.network import CellsNetwork
from napari_sam.models.cells.reading import STRIDE
from napari_sam.models.cells.windows import resample, to_window
from napari_sam.prompts import Prompt, Window

__all__ = ["Asked", "answer", "mask_in"]

_MAP = (WINDOW // STRIDE, WINDOW // STRIDE)


@dataclass(frozen=True, eq=False)
class Asked:
    """What the network takes of a prompt in a window.

    Parameters
    ----------
    window : (r0, c0, r1, c1)
    points : (1, P, 2) Tensor
        In pixels of the window, (x, y).
    labels : (1, P) Tensor
        1 object, 0 background, -1 where there is no click.
    box : (1, 4) Tensor
        NaN where there is none.
    before : (1, 1, h, w) Tensor or None
        Logits of its mask or of the answer before.
    """

    window: Window
    points: Tensor
    labels: Tensor
    box: Tensor
    before: Tensor | None

    @classmethod
    def of(cls, prompt: Prompt | None, window: Window, device: str) -> Asked:
        """Bring a prompt into a window; None says nothing."""
        # the network wants one point at least; -1 is padding
        points, labels = torch.zeros(1, 1, 2), torch.full((1, 1), -1)
        box = torch.full((1, 4), float("nan"))
        before = None
        if prompt is not None:
            inside = to_window(prompt.all_points, window, WINDOW)
            near = ((inside >= 0) & (inside <= WINDOW)).all(dim=1)
            if near.any():
                points = inside[near][None]
                labels = torch.from_numpy(np.array(prompt.all_labels))[near][None]
            if prompt.box is not None:
                corners = to_window(np.reshape(prompt.box, (2, 2)), window, WINDOW)
                box = corners.reshape(1, 4)
            before = _before(prompt, window, device)
        return cls(window, points.to(device), labels.to(device), box.to(device), before)

    @property
    def kind(self) -> tuple[Window, int, bool]:
        """Its window, clicks, and whether it has logits: the same of those answered at once."""
        return self.window, self.points.shape[1], self.before is not None


def answer(
    network: CellsNetwork, features: Features, asked: Sequence[Asked]
) -> tuple[Tensor, Tensor]:
    """Answer N prompts of one kind.

    Parameters
    ----------
    network : CellsNetwork
    features : Features
        Of their window.
    asked : sequence of Asked

    Returns
    -------
    logits : (N, 3, h, w) Tensor
        Three masks each.
    scores : (N, 3) Tensor
        Their predicted IoU.
    """
    points = torch.cat([one.points for one in asked])
    marks = (
        points.new_zeros(len(asked), dtype=torch.long),
        points,
        torch.cat([one.labels for one in asked]),
        torch.cat([one.box for one in asked]),
    )
    given = [one.before for one in asked if one.before is not None]
    before = torch.cat(given) if given else None
    logits, scores = network.decode(features, *marks, before)
    if before is None and points.shape[1] > 1:
        # Several clicks correct each other: the network learnt them on top of an answer.
        best = sober(scores).argmax(dim=1)
        before = torch.stack([maps[at] for maps, at in zip(logits, best, strict=True)])[:, None]
        logits, scores = network.decode(features, *marks, before)
    return logits, sober(scores)


def _before(prompt: Prompt, window: Window, device: str) -> Tensor | None:
    """Bring the prompt's logits or mask into the window, (1, 1, h, w)."""
    if prompt.logits is not None:
        logits = torch.from_numpy(np.array(prompt.logits)).to(device)
        if prompt.window == window and logits.shape == _MAP:
            return logits[None, None]
        source = prompt.window or window
        return resample(logits, source, window, _MAP, outside=-8.0)[None, None]
    if prompt.mask is not None:
        return (mask_in(prompt.mask, window, device) - 0.5) * 12
    return None


def mask_in(mask: npt.NDArray[np.bool_], window: Window, device: str) -> Tensor:
    """Bring a mask of the plane into a window, (1, 1, h, w), 0 to 1."""
    edges = (-0.5, -0.5, mask.shape[0] - 0.5, mask.shape[1] - 0.5)
    values = torch.from_numpy(np.asarray(mask, np.float32)).to(device)
    return resample(values, edges, window, _MAP, outside=0.0)[None, None]
