"""From the network's instance maps to labels: seeds, watershed, merging, and scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.segmentation import watershed

__all__ = [
    "FOREGROUND",
    "MERGING",
    "MIN_AREA",
    "MIN_SCORE",
    "SMOOTHING",
    "Scores",
    "flood",
    "height_of",
    "labels_from_maps",
    "merge",
    "number",
    "score",
]

#: By how much objects at the plane's border may score lower than others.
CUT_OFF = 0.15
FOREGROUND = 0.55  # probability above which a pixel belongs to an object
MERGING = 0.55
SMOOTHING = 1.5
MIN_AREA = 8  # map pixels
PEAK = 0.25  # least height of a peak
SURE = 0.6  # height of a peak that leaves no doubt about an object
MIN_SCORE = 0.5  # measured on validation images: fewer false objects than true ones lost

_EIGHT = np.ones((3, 3), bool)
_Maps = npt.NDArray[np.float32]
_Flags = npt.NDArray[np.bool_]


def labels_from_maps(
    foreground: npt.ArrayLike,
    centre: npt.ArrayLike,
    boundary: npt.ArrayLike,
    *,
    foreground_threshold: float = FOREGROUND,
    centre_threshold: float = PEAK,
    merging: float = MERGING,
    boundary_weight: float = 0.5,
    smoothing: float = SMOOTHING,
    min_area: int = MIN_AREA,
    min_score: float = MIN_SCORE,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Cut a plane's probability maps into objects.

    A pixel belongs to an object where ``foreground`` is high. Every peak of the smoothed
    ``centre`` map floods the foreground downhill. Two floods that meet are one object if the
    highest pass between them is nearly as high as the lower of their peaks: that keeps long and
    uneven objects whole whatever the height of their ridge, and parts touching ones. A piece of
    foreground without a peak becomes an object of its own.

    Parameters
    ----------
    foreground, centre, boundary : (H, W) array of float
        Probabilities in [0, 1]: inside any object; depth inside the own object, 1 at its
        middle; closeness to an object's border, from inside.
    foreground_threshold : float
        The foreground is above it.
    centre_threshold : float
        Peaks are at least this high.
    merging : float
        Height of the pass, relative to the lower peak, from which two floods are one object.
        Lower merges more.
    boundary_weight : float
        How much the boundary map lowers the passes.
    smoothing : float
        Sigma in map pixels of the Gaussian over the height map.
    min_area : int
        Objects of fewer map pixels are dropped.
    min_score : float
        Objects that score lower are dropped, for the network is not sure of them; at the
        plane's border they may be :data:`CUT_OFF` lower.

    Returns
    -------
    labels : (H, W) int32
        0 background, ids 1..n without gaps.
    scores : (n,) float32
        0 to 1: mean foreground probability inside the object times how high its peak is, so
        that a half-seen or flat object scores low.

    Raises
    ------
    ValueError
        If the maps are not three planes of one shape.
    """
    inside_probability = np.asarray(foreground, np.float32)
    depth, edge = np.asarray(centre, np.float32), np.asarray(boundary, np.float32)
    shape = inside_probability.shape
    if len(shape) != 2 or not shape == depth.shape == edge.shape:
        raise ValueError(
            "labels_from_maps expects three planes of one shape, got "
            f"{shape}, {depth.shape} and {edge.shape}."
        )
    inside = inside_probability > foreground_threshold
    height = height_of(depth, edge, smoothing, boundary_weight)
    labels = merge(flood(height, inside, centre_threshold), height, merging)
    scores = score(labels, inside_probability, height)
    return number(labels, scores, scores.keep(min_area, min_score))


def height_of(
    centre: _Maps, boundary: _Maps, smoothing: float = SMOOTHING, boundary_weight: float = 0.5
) -> _Maps:
    """Combine the maps into the relief whose peaks are objects and whose valleys part them."""
    height = centre - boundary_weight * boundary * centre
    if smoothing > 0:
        height = ndi.gaussian_filter(height, smoothing, truncate=3)
    return height


def flood(
    height: _Maps, inside: npt.NDArray[np.bool_], centre_threshold: float = PEAK
) -> npt.NDArray[np.int32]:
    """Give every pixel inside to the peak from which it is reached downhill; ids from 1."""
    markers = _peaks(height, inside, centre_threshold)
    # 200 whole levels: the flood is several times faster than on floats
    levels = (200 - 200 * np.clip(height, 0, 1)).astype(np.int16)
    return watershed(levels, markers, mask=inside).astype(np.int32)


def _peaks(height: _Maps, inside: npt.NDArray[np.bool_], lowest: float) -> npt.NDArray[np.int32]:
    """Number the local maxima inside, and the pieces of foreground without any."""
    # Few pixels can be peaks: looking round each is quicker than a filter over the plane.
    wide = height.shape[1] + 2
    padded = np.pad(height, 1, constant_values=-np.inf).ravel()
    high = np.flatnonzero(inside & (height >= lowest))
    rows, columns = np.divmod(high, height.shape[1])
    at = (rows + 1) * wide + columns + 1
    value = padded[at]
    peaks = np.ones(len(high), bool)
    for step in (1, -1, wide, -wide, wide + 1, wide - 1, 1 - wide, -1 - wide):
        peaks &= value >= padded[at + step]
    top = np.zeros(height.shape, bool)
    top.ravel()[high[peaks]] = True
    markers, count = ndi.label(top, _EIGHT)
    pieces, total = ndi.label(inside)
    lonely = np.ones(total + 1, bool)
    lonely[0] = False
    lonely[pieces.ravel()[high[peaks]]] = False
    if lonely.any():
        renumber = np.zeros(total + 1, np.int32)
        renumber[lonely] = np.arange(count + 1, count + 1 + np.count_nonzero(lonely))
        where = np.flatnonzero(inside)
        alone = renumber[pieces.ravel()[where]]
        markers.ravel()[where[alone > 0]] = alone[alone > 0]
    return np.asarray(markers, np.int32)


def merge(
    labels: npt.NDArray[np.int32], height: _Maps, ratio: float = MERGING
) -> npt.NDArray[np.int32]:
    """Join neighbouring regions, highest pass first, where the pass nearly reaches a peak."""
    count = int(labels.max(initial=0))
    # A row and a column of background more, so that every pixel has neighbours.
    floods = np.pad(labels, ((0, 1), (0, 1))).ravel()
    relief = np.pad(height, ((0, 1), (0, 1))).ravel()
    inside = np.flatnonzero(floods)
    mine, level = floods[inside], relief[inside]
    peak = np.zeros(count + 1, np.float32)
    np.maximum.at(peak, mine, level)
    pairs, passes = [], []
    for step in (1, labels.shape[1] + 1):
        other = floods[inside + step]
        meet = np.flatnonzero((other != mine) & (other > 0))
        one, two = mine[meet].astype(np.int64), other[meet].astype(np.int64)
        pairs.append(np.minimum(one, two) * (count + 1) + np.maximum(one, two))
        passes.append(np.minimum(level[meet], relief[inside[meet] + step]))
    keys, where = np.unique(np.concatenate(pairs), return_inverse=True)
    highest = np.full(len(keys), -np.inf, np.float32)
    np.maximum.at(highest, where, np.concatenate(passes))
    parent = np.arange(count + 1)

    def root(region: int) -> int:
        while parent[region] != region:
            parent[region] = parent[parent[region]]
            region = int(parent[region])
        return region

    for which in np.argsort(-highest):
        first, second = (root(int(region)) for region in divmod(int(keys[which]), count + 1))
        if first != second and highest[which] >= ratio * min(peak[first], peak[second]):
            parent[second] = first
            peak[first] = max(peak[first], peak[second])
    return np.array([root(region) for region in range(count + 1)], np.int32)[labels]


@dataclass(frozen=True, eq=False)
class Scores:
    """What decides whether an object is kept; by label, the first entry is background.

    Parameters
    ----------
    values : (n + 1,) float32
        Mean foreground probability times how high the peak is, 0 to 1.
    areas : (n + 1,) int
        Map pixels.
    cut_off : (n + 1,) bool
        Touches the border of the plane.
    """

    values: npt.NDArray[np.float32]
    areas: npt.NDArray[np.intp]
    cut_off: npt.NDArray[np.bool_]

    def keep(self, min_area: int = MIN_AREA, min_score: float = MIN_SCORE) -> _Flags:
        """Tell which objects are large and certain enough, (n + 1,) bool."""
        # what the plane's border cuts off looks flat, sure or not
        needed = np.where(self.cut_off, min_score - CUT_OFF, min_score)
        chosen: _Flags = (self.areas >= max(1, min_area)) & (self.values >= needed)
        chosen[0] = False
        return chosen


def score(
    labels: npt.NDArray[np.int32], foreground: _Maps, height: _Maps, odds: float = 1.0
) -> Scores:
    """Measure how certain the network is of every object.

    Parameters
    ----------
    labels : (h, w) int32
    foreground, height : (h, w) float32
    odds : float
        The odds of both are multiplied by it: more for who would rather see too much.
    """
    where = np.flatnonzero(labels)
    flat = labels.ravel()[where]
    area = np.bincount(flat, minlength=1)
    likely = foreground if odds == 1 else _raised(foreground, odds)
    mean = np.bincount(flat, likely.ravel()[where], len(area)) / np.maximum(area, 1)
    peak = np.zeros(len(area), np.float32)
    np.maximum.at(peak, flat, height.ravel()[where])
    cut_off = np.zeros(len(area), bool)
    for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        cut_off[border] = True
    values = mean * _raised(np.clip(peak / SURE, 0, 1), odds)
    return Scores(np.asarray(values, np.float32), area, cut_off)


def _raised(probability: _Maps, odds: float) -> _Maps:
    """Multiply the odds of probabilities."""
    raised = probability * np.float32(odds)
    return np.asarray(raised / (1 - probability + raised), np.float32)


def number(
    labels: npt.NDArray[np.int32], scores: Scores, keep: _Flags
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Drop objects and number the others 1..n; return them with their scores (n,)."""
    lookup = np.zeros(len(keep), np.int32)
    lookup[keep] = np.arange(1, np.count_nonzero(keep) + 1)
    return lookup[labels], scores.values[keep]
