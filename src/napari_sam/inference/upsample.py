"""From low-resolution logits to pixels of the plane: only where there is something to see.

SAM interpolates its logits twice, to the padded square that the encoder saw and from there to
the plane. Both steps are linear along each axis, so one matrix per axis does both. And since
each pixel is a weighted mean of logits, none outside the extent of ``logit > t`` exceeds t:
upsampling that extent gives everything above t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

_BAND = 64  # pixels of an axis made at a time: few logits contribute to them


@dataclass(frozen=True)
class Crop:
    """Upsampled logits of a rectangle of the plane.

    Parameters
    ----------
    top, left : int
        Its first pixel.
    logits : (h, w) float32 Tensor
    """

    top: int
    left: int
    logits: Tensor


def _linear(size_in: int, size_out: int) -> Tensor:
    """Matrix (out, in) of linear interpolation, with the very weights that PyTorch uses."""
    unit = torch.eye(size_in)[None]
    return F.interpolate(unit, size_out, mode="linear", align_corners=False)[0].t().double()


class _Axis:
    """Interpolation along one axis and, per pixel, the logits that contribute."""

    def __init__(self, size_low: int, square: int, used: int, size: int, device: str) -> None:
        matrix = _linear(used, size) @ _linear(size_low, square)[:used]
        touched = (matrix > 0).numpy()
        self.first = touched.argmax(axis=1)
        self.last = size_low - 1 - touched[:, ::-1].argmax(axis=1)
        self.matrix = matrix.float().to(device)
        self.size = size

    def reach(self, low: int, high: int) -> tuple[int, int]:
        """Pixels to which logits ``low..high`` (inclusive) contribute, half open."""
        start = int(np.searchsorted(self.last, low, side="left"))
        stop = int(np.searchsorted(self.first, high, side="right"))
        return start, stop


class Upsampler:
    """Upsamples logits of one size to planes of one size.

    Parameters
    ----------
    low : (int, int)
        Rows and columns of the logits.
    square : int
        Side of the padded square that the encoder saw.
    used : (int, int)
        The part of it that shows the plane.
    shape : (int, int)
        Rows and columns of the plane.
    device : str
    """

    def __init__(
        self,
        low: tuple[int, int],
        square: int,
        used: tuple[int, int],
        shape: tuple[int, int],
        device: str = "cpu",
    ) -> None:
        self.shape = shape
        self._rows = _Axis(low[0], square, used[0], shape[0], device)
        self._columns = _Axis(low[1], square, used[1], shape[1], device)

    def crop(self, logits: Tensor, above: float) -> Crop | None:
        """Upsample the smallest rectangle that holds every pixel above a value.

        Parameters
        ----------
        logits : (h, w) Tensor
        above : float

        Returns
        -------
        Crop or None
            None when no pixel can be above it.
        """
        inside = logits > above
        down = torch.nonzero(inside.any(1)).flatten()
        if not len(down):
            return None
        along = torch.nonzero(inside.any(0)).flatten()
        top, bottom = self._rows.reach(int(down[0]), int(down[-1]))
        left, right = self._columns.reach(int(along[0]), int(along[-1]))
        if bottom <= top or right <= left:
            return None  # in the padding, outside the plane
        return Crop(top, left, self._region(logits, top, bottom, left, right))

    def whole(self, logits: Tensor) -> Tensor:
        """Upsample to the whole plane, (H, W)."""
        return self._region(logits, 0, self.shape[0], 0, self.shape[1])

    def mask(self, logits: Tensor, above: float = 0.0) -> npt.NDArray[np.bool_]:
        """Boolean mask of the whole plane."""
        mask = np.zeros(self.shape, dtype=bool)
        crop = self.crop(logits, above)
        if crop is not None:
            part = (crop.logits > above).cpu().numpy()
            height, width = part.shape
            mask[crop.top : crop.top + height, crop.left : crop.left + width] = part
        return mask

    def _region(self, logits: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
        rows, columns = self._rows, self._columns
        r0, r1 = int(rows.first[top]), int(rows.last[bottom - 1]) + 1
        # Columns first: the larger second product can then write whole rows in place.
        half = logits.new_empty(r1 - r0, right - left)
        for start in range(left, right, _BAND):
            stop = min(start + _BAND, right)
            low, high = int(columns.first[start]), int(columns.last[stop - 1]) + 1
            half[:, start - left : stop - left] = (
                logits[r0:r1, low:high] @ columns.matrix[start:stop, low:high].t()
            )
        out = logits.new_empty(bottom - top, right - left)
        for start in range(top, bottom, _BAND):
            stop = min(start + _BAND, bottom)
            low, high = int(rows.first[start]), int(rows.last[stop - 1]) + 1
            torch.mm(
                rows.matrix[start:stop, low:high],
                half[low - r0 : high - r0],
                out=out[start - top : stop - top],
            )
        return out
