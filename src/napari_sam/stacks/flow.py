"""How the picture moves around one object, and the object with it.

Optical flow by Lucas and Kanade's equations, solved for a square around every pixel at once, from
coarse to fine.

References
----------
Lucas, Kanade: An iterative image registration technique with an application to stereo vision.
IJCAI (1981). Le Besnerais, Champagnat: Dense optical flow by iterative local window registration.
ICIP (2005).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage as ndi
from torch import Tensor
from torch.nn import functional as F

from napari_sam.regions import extent
from napari_sam.stacks.motion import Picture, shrink

Map = npt.NDArray[np.float32]

ACROSS = 40.0  # pixels across an object at which its motion is looked for
RADIUS = 7  # pixels around a place that are taken to move together
ROUNDS = 3  # at every zoom
COARSEST = 16  # pixels of the shorter side
NEAR, LEAST = 0.75, 16  # object sizes, and pixels at least, that are looked at on each side
RIM = 2  # pixels around an object that belong to its looks
EVEN = 1e-3  # spread of brightness below which there is nothing to compare
FLAT = 1e-14  # determinant below which a square shows no structure to follow


class MovedObject(NamedTuple):
    """An object moved with the picture.

    Attributes
    ----------
    cover : (H, W) float32
        How much of every pixel it covers, 0 to 1.
    before : (H, W) float32
        The first frame, moved around the object.
    alike : float
        Correlation of the picture moved with it and of the picture that is there, in the object
        and a rim around it, -1 to 1; 0 where there is nothing to compare.
    """

    cover: Map
    before: Map
    alike: float


def carry_mask(mask: npt.NDArray[np.bool_], before: Picture, after: Picture) -> MovedObject:
    """Move a mask with the picture.

    Parameters
    ----------
    mask : (H, W) bool
        An object in the first of two frames.
    before, after : (H, W) float
        Both frames around it, about 0 to 1.

    Returns
    -------
    MovedObject
        In the second frame.
    """
    found, picture = np.zeros(mask.shape, np.float32), np.array(before, np.float32)
    box = extent(mask)
    size = float(np.sqrt(mask[box].size))
    if not size:
        return MovedObject(found, picture, 0.0)
    reach = max(LEAST, int(NEAR * size))
    near = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in box)
    part = mask[near]
    zoom = min(1.0, ACROSS / int(np.count_nonzero(part)) ** 0.5)
    if zoom * min(part.shape) < 2:  # a line shows no motion
        return MovedObject(mask.astype(np.float32), picture, 0.0)
    small = [shrink(frame[near], zoom) for frame in (before, after)]
    moves = flow(small[1], small[0])
    rows, columns = _places((part.shape[0], part.shape[1]))
    small_at = ((places + 0.5) * zoom - 0.5 for places in (rows, columns))
    down, along = looked_up(torch.from_numpy(moves / zoom), *small_at)
    was, here = (ndi.gaussian_filter(frame[near], 1.0) for frame in (before, after))
    maps = torch.from_numpy(np.stack([part, picture[near], was], dtype=np.float32))
    found[near], picture[near], moved = looked_up(maps, rows + down, columns + along).numpy()
    around = ndi.binary_dilation(found[near] > 0.5, iterations=RIM)
    return MovedObject(found, picture, _correlation(moved[around], here[around]))


def _correlation(one: Map, other: Map) -> float:
    """Return Pearson's correlation; 0 where one of them hardly varies."""
    if len(one) < 2 or min(one.std(), other.std()) < EVEN:
        return 0.0
    common = ((one - one.mean()) * (other - other.mean())).mean(dtype=np.float64)
    return float(common / (one.std(dtype=np.float64) * other.std(dtype=np.float64)))


@torch.inference_mode()
def flow(reference: Map, moving: Map) -> Map:
    """Find where every pixel of a picture is in another.

    Parameters
    ----------
    reference, moving : (H, W) float32

    Returns
    -------
    (2, H, W) float32
        How far down and along the place in `moving` lies from the pixel of `reference`.

    Examples
    --------
    >>> rows, columns = np.indices((40, 40), dtype=np.float32)
    >>> disc = np.exp(-((rows - 20) ** 2 + (columns - 18) ** 2) / 50)
    >>> moved = np.roll(disc, (1, 2), axis=(0, 1))
    >>> flow(disc, moved)[:, 20, 18].round().tolist()
    [1.0, 2.0]
    """
    levels = [torch.stack([torch.from_numpy(np.ascontiguousarray(p)) for p in (reference, moving)])]
    while min(levels[-1].shape[1:]) >= 2 * COARSEST:
        half = F.avg_pool2d(levels[-1][None], 2, ceil_mode=True, count_include_pad=False)
        levels.append(half[0])
    found = torch.zeros(2, *levels[-1].shape[1:])
    for level in reversed(levels):
        found = _enlarged(found, (level.shape[1], level.shape[2]))
        squares = _Squares(level[0])
        for _ in range(ROUNDS):
            found = squares.solved(level[1], found)
    result: Map = found.numpy()
    return result


def _enlarged(found: Tensor, shape: tuple[int, int]) -> Tensor:
    """Spread a flow over more pixels, in units of those."""
    if tuple(found.shape[1:]) == shape:
        return found
    growth = torch.tensor([shape[0] / found.shape[1], shape[1] / found.shape[2]])
    spread = F.interpolate(found[None], size=shape, mode="bilinear", align_corners=False)[0]
    return spread * growth[:, None, None]


class _Squares:
    """The equations of all squares of a picture, as far as they do not depend on the other one.

    Parameters
    ----------
    reference : (H, W) float32
    """

    def __init__(self, reference: Tensor) -> None:
        self.reference = reference
        self.places = _places((reference.shape[0], reference.shape[1]))
        self.slopes = torch.stack(torch.gradient(reference))
        down, along = self.slopes
        self.means = _around(torch.stack([down * down, along * along, down * along]))
        determinant = self.means[0] * self.means[1] - self.means[2] ** 2
        self.structured = determinant.abs() > FLAT
        self.determinant = torch.where(self.structured, determinant, 1.0)

    def solved(self, moving: Tensor, found: Tensor) -> Tensor:
        """Improve a flow (2, H, W) to the other picture by one round."""
        rows, columns = self.places
        warped = looked_up(moving[None], rows + found[0], columns + found[1])[0]
        error = (self.slopes * found).sum(0) + self.reference - warped
        down, along = _around(self.slopes * error)
        solved = torch.stack(
            [
                self.means[1] * down - self.means[2] * along,
                self.means[0] * along - self.means[2] * down,
            ]
        )
        return torch.where(self.structured, solved / self.determinant, 0.0)


def _places(shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the rows (H, 1) and columns (W,) of pixels."""
    rows, columns = (torch.arange(side, dtype=torch.float32) for side in shape)
    return rows[:, None], columns


def looked_up(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Look maps (n, H, W) up between their pixels; beyond them, they go on as at their border.

    Rows and columns are those of one place for every pixel of the answer, or of each a line.
    """
    height, width = maps.shape[1:]
    # The sampler counts from the edges, -1 to 1.
    y = (rows + 0.5) * (2 / height) - 1
    x = (columns + 0.5) * (2 / width) - 1
    grid = torch.stack(torch.broadcast_tensors(x, y), dim=-1)[None]
    how: dict[str, Any] = {"padding_mode": "border", "align_corners": False}
    return F.grid_sample(maps[None], grid, **how)[0]


def _around(maps: Tensor) -> Tensor:
    """Average maps (n, H, W) over squares, as far as they lie in the maps.

    By a running sum: as fast for large squares as for small ones.
    """
    found, side = maps.numpy(), 2 * RADIUS + 1
    for axis in (1, 2):
        size = maps.shape[axis]
        at = np.arange(size)
        counts = np.minimum(at + RADIUS + 1, size) - np.maximum(at - RADIUS, 0)
        share = (side / counts).astype(np.float32)
        found = ndi.uniform_filter1d(found, side, axis=axis, mode="constant")
        found *= share[:, None] if axis == 1 else share
    return torch.from_numpy(found)
