"""How large the objects of a plane are, told from samples of all of it.

A model that finds cells by itself measures them on the plane that it is shown. Of a plane that is
larger than that it sees parts only, which must agree on a size: else they would not fit together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.contrast import limits_of
from napari_sam.engine.steady import PlanePair, candidates, steadiest
from napari_sam.images import Block, check_plane, patches_of, sample_of
from napari_sam.models.model import Model
from napari_sam.progress import Progress, part, silent

__all__ = ["SAMPLED_FROM", "agreed", "agreed_through", "limits_on", "rounded", "typical_diameter"]

_EXACT = 1 << 24  # pixels of a plane whose limits are told from all of it
SAMPLED_FROM = 1 << 22  # pixels of a plane from which samples are looked at instead of its middle
_SIDE = 1024  # pixels of a sample
_SAMPLES = 6
_LOOKING = 0.6  # of the progress, to look at planes one by one
_PAIRS = 8  # of neighbouring planes, that are compared where planes do not agree on a size
_PLANES = 32  # of those that are joined, that are looked at: of 9 a few bad ones decided


def limits_on(
    block: Block, model: Model, pixels: npt.NDArray[Any] | None = None
) -> tuple[float, float]:
    """Return the values of black and white of a plane that is searched.

    They are those that the plane would have if it were read at once, as long as that is possible;
    `pixels` are the plane's, if it has been read.
    """
    image = block.image
    if image.limits is not None:
        return image.limits
    height, width = block.plane.shape
    if pixels is None:
        pixels = check_plane(block.read() if height * width <= _EXACT else sample_of(block))
    return model.limits_for(pixels, limits_of(image, pixels))


def agreed(
    block: Block,
    options: Any,
    model: Model,
    finder: Model | None,
    progress: Progress = silent,
    limits: tuple[float, float] | None = None,
) -> Any:
    """Return options that say how large objects are, where they left it open.

    Of a plane whose middle stands for the rest, a model tells that best itself.

    Parameters
    ----------
    block : Block
    options : dataclass
        Of a method.
    model : Model
    finder : Model or None
        Who sees where objects are, when the model cannot.
    progress : callable
    limits : (low, high), optional
        Values of black and white, if they are known already.
    """
    who = _who_tells(options, model, finder)
    if who is None or not _is_large(block):
        return options
    diameter = typical_diameter(block, who, limits or limits_on(block, model), progress)
    return replace(options, diameter=diameter)


def agreed_through(
    blocks: Sequence[Block],
    options: Any,
    model: Model,
    finder: Model | None,
    progress: Progress = silent,
) -> Any:
    """Return options that say how large the objects of planes are that will be joined.

    The slices of a stack and the frames of a movie show the same objects: what one shows badly
    would be looked at in a size of its own, and cut in pieces or glued. Where they tell sizes far
    apart, the one counts at which neighbours show the same objects, see `steadiest`.

    Parameters
    ----------
    blocks : sequence of Block
        The planes; some of them, evenly spread, are looked at.
    options, model, finder, progress
        See `agreed`.
    """
    who = _who_tells(options, model, finder)
    if who is None or len(blocks) < 2:
        return options
    some = np.unique(np.linspace(0, len(blocks) - 1, _PLANES).round().astype(int))
    looking, comparing = part(progress, 0.0, _LOOKING), part(progress, _LOOKING, 1.0)
    found: list[tuple[float, int]] = []
    for done, at in enumerate(some):
        stage = part(looking, done / len(some), (done + 1) / len(some))
        block = blocks[at]
        pixels = None if _is_large(block) else check_plane(block.read())
        found += _sizes_on(block, who, limits_on(block, model, pixels), stage, pixels)
    usual = _usual(found)
    comparable = who.zooms and not _is_large(blocks[0])
    if comparable and (others := candidates(usual, *_weighed(found))):
        places = np.unique(np.linspace(0, len(blocks) - 2, _PAIRS).round().astype(int))
        pairs = [partial(_pair, blocks[at : at + 2], model) for at in places]
        usual = rounded(steadiest(pairs, usual, others, who, comparing))
    progress(1.0)
    return replace(options, diameter=usual)


def _who_tells(options: Any, model: Model, finder: Model | None) -> Model | None:
    """Return who tells how large objects are; None where the options say it, or nobody can."""
    if not hasattr(options, "diameter") or options.diameter is not None:
        return None
    return model if model.instances is not None else finder


def _pair(blocks: Sequence[Block], model: Model) -> PlanePair:
    """Read neighbouring planes."""
    read = [check_plane(block.read()) for block in blocks]
    return tuple(
        (pixels, limits_on(block, model, pixels))
        for block, pixels in zip(blocks, read, strict=True)
    )


def typical_diameter(
    block: Block, model: Model, limits: tuple[float, float], progress: Progress = silent
) -> float:
    """Tell the median diameter of the objects of a plane, in pixels, from samples.

    Parameters
    ----------
    block : Block
    model : Model
        With a learned automatic head.
    limits : (low, high)
        Values of black and white.
    progress : callable

    Returns
    -------
    float
        See `rounded`.
    """
    return _usual(_sizes_on(block, model, limits, progress))


def _is_large(block: Block) -> bool:
    """Whether samples stand for the plane."""
    height, width = block.plane.shape
    return height * width > SAMPLED_FROM


def _sizes_on(
    block: Block,
    model: Model,
    limits: tuple[float, float],
    progress: Progress,
    pixels: npt.NDArray[Any] | None = None,
) -> list[tuple[float, int]]:
    """Return the median diameter of the objects and their number, of samples of a plane.

    Of a plane that was read, `pixels`, all of it is looked at.
    """
    patches = patches_of(block, _SIDE, _SAMPLES) if pixels is None else [pixels]
    found = []
    for done, pixels in enumerate(patches):
        progress(done / len(patches))
        stage = part(progress, done / len(patches), (done + 1) / len(patches))
        found.append(model.object_size(pixels, limits=limits, progress=stage))
    progress(1.0)
    return found


def _usual(found: list[tuple[float, int]]) -> float:
    """Return the median diameter, each weighing the root of how many objects there are of it.

    So it is certain to that degree. On a slice without objects grain may be taken for a hundred
    small ones: as often as there are objects, a few such slices decided for all.
    """
    diameters, weights = _weighed(found)
    order = np.argsort(diameters, kind="stable")
    half = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return rounded(float(diameters[order[half]]))


def _weighed(
    found: list[tuple[float, int]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return diameters and their weights: the roots of how many objects each is told by."""
    diameters = np.array([diameter for diameter, _ in found])
    return diameters, np.sqrt([max(count, 1e-4) for _, count in found])


def rounded(diameter: float) -> float:
    """Round a diameter so that tiles can begin where a network's coarsest pixels do.

    Halves of a pixel, whole ones from 16 on, and multiples of 2, 4 and 8 for large objects, of
    which networks see means of as many pixels: always within some per cent.

    Examples
    --------
    >>> [rounded(d) for d in (7.3, 15.9, 23.4, 75.2, 131.0, 333.0)]
    [7.5, 16.0, 23.0, 76.0, 132.0, 336.0]
    """
    for most, step in ((16, 0.5), (48, 1.0), (96, 2.0), (200, 4.0)):
        if diameter < most:
            return max(step * round(diameter / step), 1.0)
    return 8.0 * round(diameter / 8)
