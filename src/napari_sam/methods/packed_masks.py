"""Masks kept as packed bits, and without their small holes and islands."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_sam.regions import extent

_COMPRESS = 4096  # packed bytes from which compressing pays
_EIGHT = np.ones((3, 3), dtype=bool)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PackedMask:
    """A mask of the plane, kept as the packed pixels of its bounding box.

    Thousands of candidates are held at a time, so each takes bits, not bytes.

    Parameters
    ----------
    top, left : int
        First row and column of the box.
    shape : (int, int)
        Rows and columns of the box; (0, 0) for an empty mask.
    area : int
        Pixels of the mask.
    """

    top: int
    left: int
    shape: tuple[int, int]
    area: int
    _bits: bytes
    _compressed: bool

    @classmethod
    def of(cls, mask: Mask, top: int = 0, left: int = 0) -> PackedMask:
        """Pack a mask whose first pixel lies at ``(top, left)`` of the plane."""
        rows, columns = extent(mask)
        inner = mask[rows, columns]
        if not inner.size:
            return cls(0, 0, (0, 0), 0, b"", False)
        bits = np.packbits(inner).tobytes()
        compressed = len(bits) > _COMPRESS
        return cls(
            top=top + rows.start,
            left=left + columns.start,
            shape=(inner.shape[0], inner.shape[1]),
            area=int(np.count_nonzero(inner)),
            _bits=zlib.compress(bits, 1) if compressed else bits,
            _compressed=compressed,
        )

    def moved(self, down: int, along: int) -> PackedMask:
        """Shift it, from a crop to the plane."""
        return PackedMask(
            self.top + down, self.left + along, self.shape, self.area, self._bits, self._compressed
        )

    @property
    def xyxy(self) -> tuple[int, int, int, int]:
        """``(x0, y0, x1, y1)`` of the first and last pixels, as SAM counts; zeros when empty."""
        if not self.area:
            return 0, 0, 0, 0
        return (
            self.left,
            self.top,
            self.left + self.shape[1] - 1,
            self.top + self.shape[0] - 1,
        )

    @property
    def slices(self) -> tuple[slice, slice]:
        """What selects its box from the plane."""
        return (
            slice(self.top, self.top + self.shape[0]),
            slice(self.left, self.left + self.shape[1]),
        )

    def pixels(self) -> Mask:
        """Unpack the mask of its box."""
        bits = zlib.decompress(self._bits) if self._compressed else self._bits
        count = self.shape[0] * self.shape[1]
        flat = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=count)
        return flat.astype(bool).reshape(self.shape)

    def full(self, shape: tuple[int, int]) -> Mask:
        """Unpack the mask of the whole plane."""
        mask = np.zeros(shape, dtype=bool)
        mask[self.slices] = self.pixels()
        return mask


def clean(packed: PackedMask, shape: tuple[int, int], min_area: int) -> tuple[PackedMask, bool]:
    """Fill holes and remove islands of fewer than `min_area` pixels; 8-connected.

    The largest island stays when all are smaller.

    Returns
    -------
    PackedMask
    changed : bool
    """
    if not packed.area:
        return packed, False
    # A frame of one pixel stands for the background outside the box, wherever there is any.
    top, left = max(packed.top - 1, 0), max(packed.left - 1, 0)
    bottom = min(packed.top + packed.shape[0] + 1, shape[0])
    right = min(packed.left + packed.shape[1] + 1, shape[1])
    outside = shape[0] * shape[1] - (bottom - top) * (right - left)
    if bottom - top == shape[0] or right - left == shape[1] or outside < min_area:
        # The background outside falls into parts, or is itself a small hole.
        top, left, bottom, right, outside = 0, 0, *shape, 0
    rows, columns = packed.slices
    inner = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    mask = np.zeros((bottom - top, right - left), dtype=bool)
    mask[inner] = packed.pixels()
    frame = np.ones(mask.shape, dtype=bool)
    frame[inner] = False
    mask, filled = _fill(mask, min_area, frame if outside else None)
    mask, removed = _remove(mask, min_area)
    if not (filled or removed):
        return packed, False
    return PackedMask.of(mask, top, left), True


def _fill(mask: Mask, min_area: int, frame: Mask | None) -> tuple[Mask, bool]:
    parts, count = ndi.label(~mask, structure=_EIGHT)
    if not count:
        return mask, False
    small = np.bincount(parts.ravel(), minlength=count + 1) < min_area
    small[0] = False
    if frame is not None:
        small[parts[frame]] = False
    if not small.any():
        return mask, False
    return mask | small[parts], True


def _remove(mask: Mask, min_area: int) -> tuple[Mask, bool]:
    parts, count = ndi.label(mask, structure=_EIGHT)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    small = sizes < min_area
    small[0] = False
    if not small.any():
        return mask, False
    keep = ~small
    keep[0] = False
    if not keep.any():
        keep[1 + int(np.argmax(sizes[1:]))] = True
    return keep[parts], True
