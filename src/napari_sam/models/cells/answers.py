"""From the three masks of a window to the candidates that a person is shown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from torch import Tensor

from napari_sam.models.cells.windows import paste
from napari_sam.prompts import Prompt, Window
from napari_sam.regions import extent, mask_iou
from napari_sam.segmentation import Candidates

__all__ = ["distinct", "marked_parts", "sober"]

SAME = 0.85  # IoU above which two candidates say the same
#: What the predicted IoU of the part and of the clump is lowered by: the highest of three
#: predictions flatters, and the first candidate is the one that was taught the object.
FLATTERY = 0.09


def sober(scores: Tensor) -> Tensor:
    """Lower the predicted IoU (N, 3) of the part and of the clump by `FLATTERY`."""
    lowered = scores.clone()
    lowered[:, 1:] = (lowered[:, 1:] - FLATTERY).clamp_min(0)
    return lowered


def distinct(
    logits: Tensor,
    scores: Tensor,
    window: Window,
    prompt: Prompt,
    shape: tuple[int, int],
) -> Candidates:
    """Put the best predicted first and leave out masks that repeat a better one.

    Parameters
    ----------
    logits, scores : Tensor
        (3, h, w) of the window, and (3,).
    window : (r0, c0, r1, c1)
    prompt : Prompt
        Its clicks choose among the parts of a mask.
    shape : (H, W)
        Of the plane.
    """
    order = scores.argsort(descending=True)
    logits, scores = logits[order], scores[order]
    pasted, corner = paste(logits, window, shape)
    masks = [marked_parts(mask, prompt, corner, shape) for mask in pasted]
    kept: list[int] = []
    for index, mask in enumerate(masks):
        if all(mask_iou(mask, masks[other]) <= SAME for other in kept):
            kept.append(index)
    return Candidates(
        masks=np.stack([masks[index] for index in kept]),
        scores=scores[kept].float().cpu().numpy(),
        logits=logits[kept].float().cpu().numpy(),
        window=window,
        corner=corner,
        shape=shape,
    )


def marked_parts(
    mask: npt.NDArray[np.bool_],
    prompt: Prompt,
    corner: tuple[int, int] = (0, 0),
    shape: tuple[int, int] | None = None,
) -> npt.NDArray[np.bool_]:
    """Keep the connected parts that the person marked; all of them if the marks miss the mask.

    Parameters
    ----------
    mask : (h, w) bool
    prompt : Prompt
    corner : (int, int)
        Row and column of the plane where the mask begins.
    shape : (H, W), optional
        Of the plane; that of the mask by default.
    """
    last = np.array(mask.shape if shape is None else shape) - 1
    pixels = np.rint(prompt.foreground).astype(int).clip(0, last) - corner
    pixels = pixels[((pixels >= 0) & (pixels < mask.shape)).all(axis=1)]
    if len(pixels) == 0 or not mask[tuple(pixels.T)].any():
        return mask
    crop = extent(mask)
    parts, count = ndi.label(mask[crop])
    if count == 1:
        return mask
    inside = pixels[mask[tuple(pixels.T)]] - (crop[0].start, crop[1].start)
    kept = np.zeros_like(mask)
    kept[crop] = np.isin(parts, np.unique(parts[tuple(inside.T)]))
    return kept
