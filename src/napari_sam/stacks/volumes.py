"""Objects of slices joined to three-dimensional ones."""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sam import checks
from napari_sam.errors import LabelsError, ParameterError
from napari_sam.labels.gather import check_out
from napari_sam.pixel_size import PixelSize, step_of
from napari_sam.regions import Region
from napari_sam.segmentation import Segmentation, check_id, with_units
from napari_sam.stacks.frames import Floats, FrameObjects, Ints, grey, repaint
from napari_sam.stacks.grouping import gather_regions, join_tips
from napari_sam.stacks.interpolate import fill_regions
from napari_sam.stacks.object_table import describe_objects, mean_scores
from napari_sam.stacks.perceptron import Perceptron
from napari_sam.stacks.rims import Levels, beyond, ends_of, without_rims
from napari_sam.stacks.scraps import scraps
from napari_sam.stacks.slice_regions import SliceRegions, smoothed
from napari_sam.stacks.slice_signs import SlicePairs, missed, surroundings, valleys

if TYPE_CHECKING:
    import pandas as pd

#: Of two regions of nearby slices that overlap, see `napari_sam.stacks.slice_signs`: the eight of
#: `signs_of`, the three of `light_along`, the two of `valleys`, the three of `surroundings`.
#: Written by ``python benchmarks/fit_stacks.py slices``.
SAME = Perceptron.load("same_object.json")
#: Log-odds taken from every pair of regions, and from one that a model found, which the scores of
#: its regions tell: what is found is glued more often than what is drawn, and one wrong join makes
#: two objects wrong.
RESERVE, RESERVE_FOUND = 0.4, 1.2
#: The same for every slice between the two that shows nothing of either: models miss objects less
#: often than light out of focus reaches from one to another.
RESERVE_OVER_GAP = 1.0
SKIP = 2  # slices on which an object may be missing


@dataclass(frozen=True, eq=False)
class SliceObjects:
    """The objects of one slice.

    Parameters
    ----------
    labels : (H, W) integer array
    scores : dict of int to float
        Confidence by id; may lack some.
    """

    labels: npt.NDArray[np.integer[Any]]
    scores: dict[int, float]


def link_slices(
    found: Iterable[SliceObjects],
    shape: tuple[int, int, int],
    *,
    image: Any = None,
    spacing: tuple[float, float, float] | None = None,
    pixel_size: PixelSize | None = None,
    source: str = "",
    least: float = 0.0,
    rims: bool = True,
    out: Any = None,
) -> Segmentation:
    """Join objects that were found slice by slice.

    Parameters
    ----------
    found : iterable of SliceObjects
        The slices in order. Six are held at a time.
    shape : (Z, H, W)
    image : (Z, H, W) or (Z, H, W, C) array, optional
        The stack, read slice by slice. Of two objects that touch along z it shows where one ends.
    spacing : (z, row, column), optional
        Distance between slices, rows and columns: steps in z are judged by it, and the table
        gets a ``volume``. All equal by default.
    pixel_size : PixelSize, optional
        Adds columns in its unit.
    source : str
        For the table.
    least : float
        Objects whose slices, each by its pixels, score less in the mean are left out.
    rims : bool
        Whether objects keep their dim rims, see `napari_sam.stacks.rims`. Those of objects that a
        model found slice by slice are better taken away; the `image` tells them.
    out : (Z, H, W) integer array, optional
        What to write the labels into, zarr for example; a new int32 array by default.

    Returns
    -------
    Segmentation
        ``labels`` with one id per object; ``table`` as of
        `napari_sam.stacks.object_table.describe_objects`.

    Raises
    ------
    LabelsError, ParameterError
    """
    sides = checks.array(shape, "shape", kinds="iu")
    if sides.shape != (3,) or sides.min() < 1:
        raise ParameterError(
            f"shape must be that of a stack, (Z, H, W), got {reprlib.repr(shape)}."
        )
    if not isinstance(found, Iterable):
        raise ParameterError(
            f"found must be one SliceObjects per slice, got {reprlib.repr(found)}."
        )
    if out is not None:
        check_out(out, tuple(shape))
    labels = np.zeros(shape, np.int32) if out is None else out
    how: dict[str, Any] = {"image": image, "spacing": spacing, "least": least, "rims": rims}
    table = link_into(labels, map(_checked, found), source=source, **how)
    return Segmentation(labels, with_units(table, pixel_size))


def _checked(one: Any) -> SliceObjects:
    """Return the objects of a slice, if these are some."""
    objects = checks.instance(one, SliceObjects, "Each slice of found")
    checks.labels(objects.labels, "The labels of a slice")
    return objects


def link_into(
    labels: Any,
    found: Iterable[SliceObjects],
    *,
    image: Any = None,
    spacing: tuple[float, float, float] | None = None,
    step: float | None = None,
    source: str = "",
    used: int = 0,
    least: float = 0.0,
    rims: bool = True,
) -> pd.DataFrame:
    """Join objects that were found slice by slice, and write them into labels.

    Parameters
    ----------
    labels : (Z, H, W) integer array, or `napari_sam.images.PlaneStack`
        Every slice is written.
    found, image, spacing, source
        See `link_slices`.
    step : float, optional
        Distance between slices in widths of a pixel; that of `spacing` by default.
    used : int
        The highest id that others have.
    least : float
        Objects whose slices, each by its pixels, score less in the mean are left out.
    rims : bool
        See `link_slices`.

    Returns
    -------
    pandas.DataFrame
        A row per object.

    Raises
    ------
    LabelsError, ParameterError
    """
    spacing = None if spacing is None else checks.spacing(spacing)
    if step is None:
        step = 1.0 if spacing is None else step_of(spacing)
    slices = collect(found, labels, step, image, lit=not rims)
    scores, sheets, sizes, pairs = slices.scores, slices.sheets, slices.sizes, slices.pairs
    by_model = ~np.isnan(scores[pairs.first] + scores[pairs.second])
    reserve = np.where(by_model, RESERVE_FOUND, RESERVE) + RESERVE_OVER_GAP * slices.missed
    gains = SAME.log_odds(pairs.signs) - reserve
    numbers = gather_regions(pairs.first, pairs.second, gains, sheets)
    next_to = pairs.apart == 1
    touching = pairs.first[next_to], pairs.second[next_to], pairs.shared[next_to]
    numbers = join_tips(numbers, *touching, (sizes, sheets)) + 1
    numbers = _renumbered(numbers, ~scraps(numbers, sheets, sizes, len(slices.objects) - 1, step))
    numbers = _without_doubtful(numbers, scores, sizes, least)
    ends = np.full(len(numbers), -np.inf)
    if slices.levels is not None:
        ends = ends_of(slices.levels, numbers)
        numbers = np.where(beyond(slices.levels, ends, numbers, sheets), 0, numbers)
    numbers = np.where(numbers > 0, numbers + used, 0)
    check_id(int(numbers.max(initial=0)), labels.dtype)
    _paint(labels, slices.objects, numbers, ends, image)
    _fill_gaps(labels, numbers, sheets)
    table = describe_objects(labels, (numbers, scores, sizes), spacing, source=source)
    table.insert(2, "weakest", weakest_slices(table["label"].to_numpy(), numbers, scores, sheets))
    return table


def weakest_slices(ids: Ints, numbers: Ints, scores: Floats, sheets: Ints) -> Ints:
    """Return the slice on which every object is least certain.

    Parameters
    ----------
    ids : (n,) int
        Objects that have regions.
    numbers, scores, sheets : (m,) arrays
        The object, score and slice of every region.

    Examples
    --------
    >>> numbers, sheets = np.array([4, 4, 4]), np.array([7, 8, 9])
    >>> weakest_slices(np.array([4]), numbers, np.array([0.9, 0.6, np.nan]), sheets).tolist()
    [8]
    """
    order = np.lexsort((sheets, np.nan_to_num(scores, nan=np.inf), numbers))
    first = np.searchsorted(numbers[order], ids)
    return sheets[order][first] if len(ids) else np.empty(0, np.int64)


class Collected(NamedTuple):
    """What joining knows of slices, without their pixels: of their regions (m,), in order.

    ``pairs`` are those that overlap, with all signs (k, 16), see `SAME`; ``missed`` (k,) counts the
    slices between two that show nothing of either. ``levels`` is None where nobody asked.
    """

    objects: list[FrameObjects]
    scores: Floats
    sizes: Ints
    sheets: Ints
    levels: Levels | None
    pairs: SlicePairs
    missed: Ints


def collect(
    found: Iterable[SliceObjects], labels: Any, step: float, image: Any = None, lit: bool = False
) -> Collected:
    """Write slices down as they come; return what there is to know of their regions.

    Parameters
    ----------
    found, labels, step, image
        See `link_into`.
    lit : bool
        Whether to measure how bright regions are inside and around them.
    """
    every: list[FrameObjects] = []
    scores: list[Floats] = []
    levels: list[Levels] = []
    pairs: list[SlicePairs] = []
    recent: deque[SliceRegions] = deque(maxlen=SKIP + 3)
    used = 0
    for z, one in enumerate(found):
        this = SliceRegions.of(used, one.labels, None if image is None else grey(image[z]))
        objects = this.objects
        pairs.extend(_pairs_of_last(list(recent), this, step))
        every.append(objects)
        scores.append(np.array([one.scores.get(int(i), np.nan) for i in objects.ids]))
        if lit:
            levels.append(Levels.of(this))
        recent.append(this)
        check_id(int(objects.ids.max(initial=0)), labels.dtype)
        labels[z] = one.labels
        used += len(objects)
    pairs.extend(_pairs_of_last(list(recent), None, step))
    if len(every) != labels.shape[0]:
        raise LabelsError(f"{len(every)} slices came for a stack of {labels.shape[0]}.")
    joined = SlicePairs.joined(pairs)
    sizes = np.concatenate([np.empty(0, np.int64), *(objects.sizes for objects in every)])
    of_all = valleys(joined, sizes), surroundings(joined, len(sizes))
    signs = np.concatenate([joined.signs, *of_all], axis=1)
    return Collected(
        every,
        np.concatenate([np.empty(0), *scores]),
        sizes,
        np.repeat(np.arange(len(every)), [len(objects) for objects in every]),
        Levels.joined(levels) if lit else None,
        joined._replace(signs=signs),
        missed(joined, len(sizes)),
    )


def _pairs_of_last(
    recent: list[SliceRegions], after: SliceRegions | None, step: float
) -> Iterator[SlicePairs]:
    """Pair the last of some slices with those before it, now that the one after it is known."""
    last = len(recent) - 1
    for at in range(max(last - SKIP - 1, 0), last):
        beyond = recent[at - 1] if at else None, after
        yield SlicePairs.between(recent[at], recent[last], recent[at + 1 : last], beyond, step)


def _without_doubtful(numbers: Ints, scores: Floats, sizes: npt.NDArray[Any], least: float) -> Ints:
    """Number objects 1..n, and those 0 that score less; whose score is unknown stays."""
    known = mean_scores(numbers, scores, sizes, int(numbers.max(initial=0)))
    return _renumbered(numbers, ~(known < least))


def _renumbered(numbers: Ints, kept: npt.NDArray[np.bool_]) -> Ints:
    """Number the objects that are kept 1..n, and all others 0."""
    lookup = np.zeros(len(kept), np.int64)
    kept[0] = False
    lookup[kept] = np.arange(1, np.count_nonzero(kept) + 1)
    return lookup[numbers]


def _paint(
    labels: Any, slices: list[FrameObjects], numbers: Ints, ends: Floats, image: Any
) -> None:
    """Give the regions of every slice the numbers of their objects, and take dim rims away."""
    used = 0
    for z, objects in enumerate(slices):
        own = slice(used, used + len(objects))
        plane = np.asarray(labels[z])
        if np.isfinite(ends[own]).any():
            plane = without_rims(plane, objects, smoothed(grey(image[z])), ends[own])
        labels[z] = repaint(plane, objects, numbers[own].astype(np.int32))
        used += len(objects)


def _fill_gaps(labels: Any, numbers: Ints, sheets: Ints) -> None:
    """Draw objects on slices where they were missed, where nothing else is."""
    order = np.lexsort((sheets, numbers))
    which, at = numbers[order], sheets[order]
    missed = np.flatnonzero((which[1:] == which[:-1]) & (np.diff(at) > 1) & (which[1:] > 0))
    for place in missed:
        number, low, high = int(which[place]), int(at[place]), int(at[place + 1])
        ends = [Region.of(np.asarray(labels[z]) == number) for z in (low, high)]
        if not all(end.area for end in ends):
            continue
        for z, region in fill_regions({low: ends[0], high: ends[1]}).items():
            r0, c0, r1, c1 = region.box
            plane = np.asarray(labels[z])
            part = plane[r0:r1, c0:c1]
            part[region.mask & (part == 0)] = number
            labels[z] = plane
