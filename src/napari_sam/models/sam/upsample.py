"""From low-resolution logits to pixels of the plane: only where there is something to see.

SAM interpolates its logits twice, to the padded square that the encoder saw and from there to
the plane. Both steps are linear along each axis, so one matrix per axis does both. And since
each pixel is a weighted mean of logits, none outside the extent of ``logit > t`` exceeds t:
upsampling that extent gives everything above t. On a CPU it is made in bands of rows which are
compared at once, while they are in the processor's cache, and never put together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_sam.models.sam.products import linear

_BAND = 64  # pixels of an axis made at a time: few logits contribute to them
_MORE = 1.5  # times as many pixels of masks are made in the same time when made together


Extent = tuple[int, int, int, int]
"""First row, row after the last, and columns likewise."""


@dataclass(frozen=True)
class Crop:
    """Masks of a rectangle of the plane.

    Parameters
    ----------
    top, left : int
        Its first pixel.
    masks : (K, h, w) bool array
        One per threshold.
    """

    top: int
    left: int
    masks: npt.NDArray[np.bool_]


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

    @torch.inference_mode()
    def crop(self, logits: Tensor, above: Sequence[float]) -> Crop | None:
        """Compare the smallest rectangle that holds every pixel above the lowest threshold.

        Parameters
        ----------
        logits : (h, w) Tensor
        above : sequence of float
            Thresholds.

        Returns
        -------
        Crop or None
            None when no pixel can be above any.
        """
        extent = self._extent(logits, min(above))
        if extent is None:
            return None
        top, bottom, left, right = extent
        masks = np.empty((len(above), bottom - top, right - left), dtype=bool)
        for at, band in self._bands(logits[None], *extent):
            for mask, threshold in zip(masks, above, strict=True):
                _compare(band[:, 0], threshold, mask[at : at + len(band)])
        return Crop(top, left, masks)

    @torch.inference_mode()
    def whole(self, logits: Tensor) -> Tensor:
        """Upsample to the whole plane, (H, W)."""
        bands = self._bands(logits[None], 0, self.shape[0], 0, self.shape[1])
        return torch.cat([band[:, 0] for _, band in bands])

    @torch.inference_mode()
    def masks(self, logits: Tensor, above: float = 0.0) -> npt.NDArray[np.bool_]:
        """Boolean masks of the whole plane, (K, H, W), from logits (K, h, w)."""
        masks = np.zeros((len(logits), *self.shape), dtype=bool)
        found = [self._extent(low, above) for low in logits]
        extents = {k: extent for k, extent in enumerate(found) if extent is not None}
        for group in _groups(extents):
            top, bottom, left, right = _union([extents[k] for k in group])
            for at, band in self._bands(logits[group], top, bottom, left, right):
                for number, k in enumerate(group):
                    place = masks[k, top + at : top + at + len(band), left:right]
                    _compare(band[:, number], above, place)
        return masks

    def _extent(self, logits: Tensor, above: float) -> Extent | None:
        """First row, row after the last, and columns likewise, that may hold pixels above."""
        inside = (logits > above).cpu().numpy()
        down = np.flatnonzero(inside.any(1))
        if not len(down):
            return None
        along = np.flatnonzero(inside.any(0))
        top, bottom = self._rows.reach(int(down[0]), int(down[-1]))
        left, right = self._columns.reach(int(along[0]), int(along[-1]))
        if bottom <= top or right <= left:
            return None  # in the padding, outside the plane
        return top, bottom, left, right

    def _bands(
        self, logits: Tensor, top: int, bottom: int, left: int, right: int
    ) -> Iterator[tuple[int, Tensor]]:
        """Yield parts of a rectangle of all masks, and the row at which each begins.

        Rows are counted from the rectangle's top; parts are (rows, K, columns), so that one
        product makes those of all masks.
        """
        rows = self._rows
        first, last = int(rows.first[top]), int(rows.last[bottom - 1]) + 1
        # Columns first: the larger second product can then write whole rows.
        half = self._along(logits[:, first:last].transpose(0, 1).flatten(0, 1), left, right)
        half = half.view(last - first, -1)
        step = _BAND if logits.device.type == "cpu" else bottom - top
        for start in range(top, bottom, step):
            stop = min(start + step, bottom)
            low, high = int(rows.first[start]), int(rows.last[stop - 1]) + 1
            weights = rows.matrix[start:stop, low:high]
            band = linear(weights, half[low - first : high - first].t())
            yield start - top, band.view(stop - start, len(logits), -1)

    def _along(self, logits: Tensor, left: int, right: int) -> Tensor:
        """Interpolate columns ``left`` to ``right`` of some rows of logits."""
        columns = self._columns
        found = logits.new_empty(len(logits), right - left)
        for start in range(left, right, _BAND):
            stop = min(start + _BAND, right)
            low, high = int(columns.first[start]), int(columns.last[stop - 1]) + 1
            weights = columns.matrix[start:stop, low:high].t()
            torch.mm(logits[:, low:high], weights, out=found[:, start - left : stop - left])
        return found


def _compare(values: Tensor, threshold: float, mask: npt.NDArray[np.bool_]) -> None:
    np.greater(values.cpu().numpy(), threshold, out=mask)  # several times faster than PyTorch


def _union(extents: Sequence[Extent]) -> Extent:
    tops, bottoms, lefts, rights = zip(*extents, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def _groups(extents: Mapping[int, Extent]) -> list[list[int]]:
    """Masks to be made together: all, or each alone if that is much less to make."""
    if not extents:
        return []
    whole = len(extents) * _area(_union(list(extents.values())))
    if whole <= _MORE * sum(_area(extent) for extent in extents.values()):
        return [list(extents)]
    return [[k] for k in extents]


def _area(extent: Extent) -> int:
    top, bottom, left, right = extent
    return (bottom - top) * (right - left)
