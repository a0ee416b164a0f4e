"""From the network's instance maps to labels: seeds, watershed, merging, and scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from skimage.segmentation import watershed

from napari_sam.methods.options import FOREGROUND, MERGING, MIN_SCORE, SMOOTHING
from napari_sam.methods.smoothing import smooth

__all__ = [
    "MIN_AREA",
    "Floods",
    "InstanceScores",
    "flood",
    "height_of",
    "labels_from_maps",
    "merge",
    "number",
    "raised",
    "score",
]

#: By how much objects at the plane's border may score lower than others.
CUT_OFF = 0.15
#: On the odds that pixels are inside: the network is surer of itself than it is right. With it, of
#: objects that score about .6 about .6 lie on a true one (IoU of .5 and more).
DOUBT = 0.15
MIN_AREA = 8  # map pixels
PEAK = 0.25  # least height of a peak
SURE = 0.6  # height of a peak that leaves no doubt about an object

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
        0 to 1, see :class:`InstanceScores`.

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
    floods = flood(height, inside, centre_threshold)
    objects = merge(floods, merging)
    scores = score(floods, objects, inside_probability)
    numbers = number(scores.keep(min_area, min_score))
    return numbers[objects][floods.labels], scores.values[numbers > 0]


def height_of(
    centre: _Maps, boundary: _Maps, smoothing: float = SMOOTHING, boundary_weight: float = 0.5
) -> _Maps:
    """Combine the maps into the relief whose peaks are objects and whose valleys part them."""
    height = centre - boundary_weight * boundary * centre
    if smoothing > 0:
        height = smooth(height, smoothing)
    return height


@dataclass(frozen=True, eq=False)
class Floods:
    """What floods every pixel inside, and how the floods meet.

    Everything is gathered once, for the pixels inside only, because a person merges and splits
    the same floods again and again.

    Parameters
    ----------
    labels : (h, w) int32
        Floods 1..n, 0 background.
    inside : (p,) int
        Flat places of the pixels that belong to a flood.
    numbers : (p,) int
        Their floods.
    peaks : (n + 1,) float32
        The highest point of each flood, by number; at least 0.
    pairs : (q, 2) int
        Floods that touch, the lower number first.
    passes : (q,) float32
        The highest pass between them.
    cut_off : (n + 1,) bool
        Touches the border of the plane.
    """

    labels: npt.NDArray[np.int32]
    inside: npt.NDArray[np.intp]
    numbers: npt.NDArray[np.intp]
    peaks: npt.NDArray[np.float32]
    pairs: npt.NDArray[np.intp]
    passes: npt.NDArray[np.float32]
    cut_off: _Flags

    @classmethod
    def of(cls, labels: npt.NDArray[np.int32], height: _Maps) -> Floods:
        """Gather what there is to know about floods (h, w) of a relief."""
        inside = np.flatnonzero(labels > 0)
        numbers, level = labels.ravel()[inside].astype(np.intp), height.ravel()[inside]
        count = int(numbers.max(initial=0))
        peaks = np.zeros(count + 1, np.float32)
        # First within each run of one flood along a row: numpy is slow to do it one by one.
        runs = np.flatnonzero(np.diff(numbers, prepend=0))
        np.maximum.at(peaks, numbers[runs], np.maximum.reduceat(level, runs))
        cut_off = np.zeros(count + 1, bool)
        for border in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            cut_off[border] = True
        pairs, passes = _passes(labels, height)
        return cls(labels, inside, numbers, peaks, pairs, passes, cut_off)


def flood(height: _Maps, inside: npt.NDArray[np.bool_], centre_threshold: float = PEAK) -> Floods:
    """Give every pixel inside to the peak from which it is reached downhill."""
    markers = _peaks(height, inside, centre_threshold)
    # 200 whole levels: the flood is several times faster than on floats
    levels = (200 - 200 * np.clip(height, 0, 1)).astype(np.int16)
    labels = watershed(levels, markers, mask=inside).astype(np.int32, copy=False)
    return Floods.of(labels, height)


def _passes(
    labels: npt.NDArray[np.int32], height: _Maps
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """Find the pairs of floods that touch, and the highest pass between each two."""
    flat, relief, wide = labels.ravel(), height.ravel(), labels.shape[1]
    count = int(flat.max(initial=0))
    keys, levels = [], []
    for step, along in ((1, True), (wide, False)):
        at = np.flatnonzero(flat[:-step] != flat[step:])
        if along:
            at = at[(at + 1) % wide > 0]  # the last of a row does not touch the first of the next
        one, two = flat[at].astype(np.int64), flat[at + step].astype(np.int64)
        meet = (one > 0) & (two > 0)
        keys.append((np.minimum(one, two) * (count + 1) + np.maximum(one, two))[meet])
        levels.append(np.minimum(relief[at], relief[at + step])[meet])
    found, where = np.unique(np.concatenate(keys), return_inverse=True)
    highest = np.full(len(found), -np.inf, np.float32)
    np.maximum.at(highest, where, np.concatenate(levels))
    return np.stack(np.divmod(found, count + 1), axis=1), highest


def _peaks(height: _Maps, inside: npt.NDArray[np.bool_], lowest: float) -> npt.NDArray[np.int32]:
    """Number the local maxima inside, and the pieces of foreground without any."""
    # Few pixels can be peaks: looking round each is quicker than a filter over the plane.
    wide = height.shape[1] + 2
    padded = np.pad(height, 1, constant_values=-np.inf).ravel()
    peaks = np.flatnonzero(inside & (height >= lowest))
    at = peaks + 2 * (peaks // height.shape[1]) + wide + 1
    for step in (1, -1, wide, -wide, wide + 1, wide - 1, 1 - wide, -1 - wide):
        left = padded[at] >= padded[at + step]
        peaks, at = peaks[left], at[left]
    markers, count = _numbered(peaks, height.shape)
    pieces, total = ndi.label(inside)
    lonely = np.ones(total + 1, bool)
    lonely[0] = False
    lonely[pieces.ravel()[peaks]] = False
    if lonely.any():
        renumber = np.zeros(total + 1, np.int32)
        renumber[lonely] = np.arange(count + 1, count + 1 + np.count_nonzero(lonely))
        where = np.flatnonzero(inside)
        alone = renumber[pieces.ravel()[where]]
        markers.ravel()[where[alone > 0]] = alone[alone > 0]
    return np.asarray(markers, np.int32)


def _numbered(
    places: npt.NDArray[np.intp], shape: tuple[int, int]
) -> tuple[npt.NDArray[np.int32], int]:
    """Number pixels, given by their flat places in order; those that touch share a number."""
    wide = shape[1]
    following = (np.isin(places + step, places).any() for step in (1, wide - 1, wide, wide + 1))
    if not any(following):  # as nearly always, and much quicker than to look at every pixel
        markers = np.zeros(shape, np.int32)
        markers.ravel()[places] = np.arange(1, len(places) + 1)
        return markers, len(places)
    top = np.zeros(shape, bool)
    top.ravel()[places] = True
    markers, count = ndi.label(top, _EIGHT)
    return markers, int(count)


def merge(floods: Floods, ratio: float = MERGING) -> npt.NDArray[np.int32]:
    """Join neighbouring floods, highest pass first, where the pass nearly reaches a peak.

    Returns
    -------
    (n + 1,) int32
        The object that each flood belongs to: the number of one of its floods.
    """
    peak = floods.peaks.copy()
    parent = np.arange(len(peak))

    def root(region: int) -> int:
        while parent[region] != region:
            parent[region] = parent[parent[region]]
            region = int(parent[region])
        return region

    for which in np.argsort(-floods.passes):
        first, second = (root(int(region)) for region in floods.pairs[which])
        if first != second and floods.passes[which] >= ratio * min(peak[first], peak[second]):
            parent[second] = first
            peak[first] = max(peak[first], peak[second])
    return np.array([root(region) for region in range(len(peak))], np.int32)


@dataclass(frozen=True, eq=False)
class InstanceScores:
    """What decides whether an object is kept; by label, the first entry is background.

    Parameters
    ----------
    values : (n + 1,) float32
        Mean foreground probability inside, with odds lowered by :data:`DOUBT`, times how high
        the peak is, so that a half-seen or flat object scores low.
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
    floods: Floods, objects: npt.NDArray[np.int32], foreground: _Maps, odds: float = 1.0
) -> InstanceScores:
    """Measure how certain the network is of every object.

    Parameters
    ----------
    floods : Floods
    objects : (n + 1,) int32
        The object that each flood belongs to, see `merge`.
    foreground : (h, w) float32
    odds : float
        The odds of foreground and height are multiplied by it: more for who would rather see
        too much.
    """
    belongs = objects[floods.numbers]
    count = int(objects.max()) + 1
    area = np.bincount(belongs, minlength=count)
    likely = raised(foreground.ravel()[floods.inside], DOUBT * odds)
    mean = np.bincount(belongs, likely, count) / np.maximum(area, 1)
    peak = np.zeros(count, np.float32)
    np.maximum.at(peak, objects, floods.peaks)
    cut_off = np.zeros(count, bool)
    cut_off[objects[floods.cut_off]] = True
    values = mean * raised(np.clip(peak / SURE, 0, 1), odds)
    return InstanceScores(np.asarray(values, np.float32), area, cut_off)


def raised(probability: _Maps, odds: float) -> _Maps:
    """Multiply the odds of probabilities."""
    raised = probability * np.float32(odds)
    return np.asarray(raised / (1 - probability + raised), np.float32)


def number(keep: _Flags) -> npt.NDArray[np.int32]:
    """Number what is kept 1..n, and what is not 0."""
    numbers = np.zeros(len(keep), np.int32)
    numbers[keep] = np.arange(1, np.count_nonzero(keep) + 1)
    return numbers
