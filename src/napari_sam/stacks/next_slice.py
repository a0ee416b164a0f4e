"""An object on the next slice, as a small network outlines it.

The network looks at a square around where the object is expected, on both slices. It knows how the
object was drawn where it was shown: at which brightness, between its inside and what is around it,
its border lies. It says, too, whether the object is there at all. It was taught on generated stacks
and on real ones by ``benchmarks/fit_next_slice.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load
from scipy import ndimage as ndi
from torch import Tensor
from torch.nn import functional as F

from napari_sam.regions import Mask, extent
from napari_sam.stacks.depth import MOST_DEPTH
from napari_sam.stacks.flow import MovedObject, looked_up
from napari_sam.stacks.logits import spread
from napari_sam.stacks.next_slice_network import NextSliceNetwork

Map = npt.NDArray[np.float32]

SIDE = 64  # pixels of a square
WIDER, ROUNDER, LEAST = 1.8, 2.6, 20.0  # its side: lengths and roots of areas of objects, pixels
FAINT = 0.05  # contrast below which brightness is not told in units of it
FAR = 20  # slices from where it was shown that count at most


@dataclass(frozen=True)
class Drawn:
    """How an object was drawn where it was shown.

    Parameters
    ----------
    index : int
        That slice.
    area : int
        Pixels.
    rim, contrast : float
        How bright its rim is, and how much brighter its inside is than what is around it.
    level : float
        Where between around, 0, and inside, 1, its rim lies.
    clear : float
        The contrast in units of how much brightness varies around there.
    """

    index: int
    area: int
    rim: float
    contrast: float
    level: float
    clear: float


class Views(NamedTuple):
    """What is known of an object and its next slice, in a window (h, w).

    Attributes
    ----------
    clear : (h, w) float32
        How bright the next slice is without its haze.
    pictures : two (h, w) float32
        How bright the slice before and the next one are.
    known : (h, w) bool
        The object on the slice before.
    moved : MovedObject
        The same moved with the picture.
    depth : (h, w) float32
        How deep inside of that a pixel lies, see `depth_of`.
    """

    clear: Map
    pictures: tuple[Map, Map]
    known: Mask
    moved: MovedObject
    depth: Map


class Outline(NamedTuple):
    """What the network says of an object on its next slice.

    Attributes
    ----------
    logits : (h, w) float32
        Of each pixel of a window; `OUTSIDE` where nobody looked.
    there : float
        Log-odds that the object is on that slice.
    """

    logits: Map
    there: float


class Square(NamedTuple):
    """A square of a window: its upper left corner and its side, in pixels."""

    row: float
    column: float
    side: float

    @classmethod
    def around(cls, mask: Mask) -> Square:
        """Choose what to look at for an object."""
        rows, columns = extent(mask)
        tall, wide = rows.stop - rows.start, columns.stop - columns.start
        side = max(WIDER * max(tall, wide), ROUNDER * int(np.count_nonzero(mask)) ** 0.5, LEAST)
        middle = (rows.start + rows.stop) / 2, (columns.start + columns.stop) / 2
        return cls(middle[0] - side / 2, middle[1] - side / 2, side)


def drawn_at(index: int, mask: Mask, picture: Map) -> Drawn:
    """Look at how an object was drawn where it was shown.

    Parameters
    ----------
    index : int
        The slice.
    mask : (h, w) bool
        Not empty.
    picture : (h, w) float32
        How bright it is around there, about 0 to 1.

    Returns
    -------
    Drawn
    """
    light = ndi.gaussian_filter(picture, 0.7)
    eroded = ndi.binary_erosion(mask)
    inside = light[eroded if eroded.any() else mask].mean()
    rim = light[mask & ~eroded].mean()
    ring = ndi.binary_dilation(mask, iterations=4) & ~ndi.binary_dilation(mask)
    around = np.median(light[ring]) if ring.any() else 0.0
    contrast = inside - around
    level = np.clip((rim - around) / (abs(contrast) + 0.02), -2, 2)
    clear = np.clip(contrast / (light.std() + 0.01), -4, 4) / 2
    area = int(np.count_nonzero(mask))
    return Drawn(index, area, float(rim), float(contrast), float(level), float(clear))


def given(drawn: Drawn, index: int, views: Views, square: Square) -> tuple[Tensor, Tensor]:
    """Return what the network is given of an object on its next slice, as a batch of one.

    Returns
    -------
    maps : Tensor
        (1, 8, SIDE, SIDE), see `NextSliceNetwork.forward`.
    facts : Tensor
        (1, 6): how alike both pictures are where the object is; where between around and inside
        its border was drawn, and how clear it is there; how much of it is left, log; how large the
        square is, log; how far away it was shown.
    """
    before, here = views.pictures
    unit = np.copysign(max(abs(drawn.contrast), FAINT), drawn.contrast)
    maps = np.stack(
        [
            views.clear,
            here,
            views.moved.before,
            before,
            views.moved.cover,
            views.known.astype(np.float32),
            views.depth / MOST_DEPTH,
            np.clip((here - drawn.rim) / unit, -3, 3),
        ],
        dtype=np.float32,
    )
    left = np.log(np.count_nonzero(views.known) / drawn.area)
    facts = [
        views.moved.alike,
        drawn.level,
        drawn.clear,
        np.clip(left, -3, 3),
        np.log(square.side / SIDE),
        min(abs(index - drawn.index), FAR) / 10,
    ]
    return cut(torch.from_numpy(maps), square)[None], torch.tensor([facts], dtype=torch.float32)


@torch.inference_mode()
def outline_next(drawn: Drawn, index: int, views: Views, expected: Mask) -> Outline:
    """Outline an object on its next slice.

    Parameters
    ----------
    drawn : Drawn
    index : int
        The slice that is looked at.
    views : Views
    expected : (h, w) bool
        Where the object is expected; not empty.

    Returns
    -------
    Outline
    """
    square = Square.around(expected)
    logits, there = _network()(*given(drawn, index, views, square))
    shape = expected.shape[0], expected.shape[1]
    return Outline(put_back(logits[0], square, shape), float(there[0]))


@cache
def _network() -> NextSliceNetwork:
    network = NextSliceNetwork()
    weights = load(files(__package__).joinpath("next_slice.safetensors").read_bytes())
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    network.eval().fold_norms()
    return network.to(memory_format=torch.channels_last)


def cut(maps: Tensor, square: Square) -> Tensor:
    """Bring a square of maps (n, H, W) to `SIDE` pixels; what is smaller there is averaged."""
    finer = max(1, round(square.side / SIDE))
    count = SIDE * finer
    at = (torch.arange(count) + 0.5) * (square.side / count) - 0.5
    found = looked_up(maps, (square.row + at)[:, None], square.column + at)
    return F.avg_pool2d(found, finer) if finer > 1 else found


def put_back(logits: Tensor, square: Square, shape: tuple[int, int]) -> Map:
    """Bring a square of logits (SIDE, SIDE) to the pixels of a window."""
    row, column, side = square.row - 0.5, square.column - 0.5, square.side
    return spread(logits.numpy(), (row, column, row + side, column + side), shape)
