"""Objects of a movie that were found frame by frame get one number each.

Two objects of consecutive frames are the same by one measure of overlap, distance and size (its
weights were fitted, see `WEIGHTS`), and the links of two frames are solved together. What is left
over, tracks that end and tracks that begin, is then joined over gaps and to mothers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from napari_sam import checks
from napari_sam.array_kinds import is_array
from napari_sam.errors import LabelsError
from napari_sam.images import array_of
from napari_sam.labels.gather import check_out
from napari_sam.progress import Progress, part, silent
from napari_sam.stacks.assign import best_pairs
from napari_sam.stacks.frames import (
    Floats,
    FrameObjects,
    Ints,
    check_labels,
    describe,
    grey,
    overlaps,
)
from napari_sam.stacks.lineage import Lineage, Links, Nodes, join
from napari_sam.stacks.logistic import Logistic
from napari_sam.stacks.motion import motion_at
from napari_sam.stacks.tracks import Tracks, number_tracks

#: Of two objects in consecutive frames: IoU, distance in diameters, distance in spacings between
#: neighbours, difference of log sizes. Printed by
#: ``python benchmarks/fit_stacks.py links``.
WEIGHTS = Logistic((16.072, -0.928, -12.129, -0.788), 6.246)
REACH = 3.0  # diameters, or spacings between neighbours, within which a cell is looked for
NEIGHBOURS = 6  # whose common motion a cell is expected to share
ROUNDS = 3  # of linking again with the motion that the links showed
EXPLAINED = 0.9  # share of the cells that find a partner where nothing moves far
SHIFTS = 5  # common displacements that are tried otherwise
VOTE = 0.25  # diameters within which displacements are taken for the same
ALIKE = 0.3  # difference of log sizes of objects that vote
SHIFTED = 1.1  # times as much must be explained by a common shift to be believed

Frame = npt.NDArray[np.integer[Any]]
Picture = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class FramePairs:
    """Pairs of objects of two frames that may be the same.

    Parameters
    ----------
    rows, columns : (m,) int
        Places in the first and in the second frame.
    signs : (m, 4) float
        See `WEIGHTS`.
    """

    rows: Ints
    columns: Ints
    signs: Floats


def link_labels(
    labels: Any,
    image: Any = None,
    *,
    max_gap: int = 2,
    divisions: bool = True,
    out: Any = None,
    used: int = 0,
    progress: Progress = silent,
) -> Tracks:
    """Give every object of a movie one id through all frames.

    Parameters
    ----------
    labels : (T, H, W) or (T, Z, H, W) integer array, or Image
        Objects of each frame, 0 background. Ids need not agree between frames. Dask and zarr
        arrays are read frame by frame.
    image : (T, H, W) or (T, H, W, 3) array, or Image, optional
        The movie. Where cells move further than they are wide, it shows where to.
    max_gap : int
        Frames for which an object may be missing and still keep its id.
    divisions : bool
        Whether objects that appear may be daughters.
    out : integer array of the same shape, optional
        What to write the tracks into, zarr for example, or `labels` themselves; a new int32
        array by default.
    used : int
        The highest id that others have: tracks follow.
    progress : callable
        Called with 0..1; raise `Cancelled` from it to stop.

    Returns
    -------
    Tracks
        ``labels`` int32 with ids 1..n in the order of appearance; ``table`` with a row per
        track; ``parents`` from daughter to mother.

    Raises
    ------
    LabelsError, ParameterError, Cancelled

    Examples
    --------
    >>> movie = np.zeros((3, 8, 20), int)
    >>> for t, column in enumerate((2, 4, 6)):
    ...     movie[t, 2:6, column:column + 4] = 5 - t
    >>> linked = link_labels(movie)
    >>> np.unique(linked.labels).tolist(), linked.parents
    ([0, 1], {})
    """
    data = check_labels(labels)
    if len(data.shape) > 4:
        raise LabelsError(
            f"Frames are linked in (T, H, W) or (T, Z, H, W), got shape {tuple(data.shape)}: pick "
            "a position or a channel first."
        )
    image = array_of(image)
    if image is not None and not is_array(image):
        image = checks.array(image, "The movie", LabelsError)
    if image is not None and tuple(image.shape[: len(data.shape)]) != tuple(data.shape):
        raise LabelsError(
            f"The movie has shape {tuple(image.shape)}, but its labels {tuple(data.shape)}."
        )
    if out is not None:
        check_out(out, tuple(data.shape))
    checks.reports(progress)
    max_gap = checks.whole(max_gap, "max_gap")
    divisions = checks.flag(divisions, "divisions")
    frames, links = [], []
    before = None
    for t in range(data.shape[0]):
        progress(0.7 * t / data.shape[0])
        after = np.asarray(data[t])  # two frames are held at a time
        if int(after.min()) < 0:
            raise LabelsError(
                f"Frame {t} has negative ids, down to {after.min()}: ids are above 0."
            )
        checks.ids_fit(after, f"The labels of frame {t}")
        frames.append(describe(after))
        if before is not None:
            pictures = None if image is None else (grey(image[t - 1]), grey(image[t]))
            links.append(link_two(before, after, frames[-2], frames[-1], pictures))
        before = after
    lineage = Lineage.of(frames, links)
    join(lineage, Nodes.of(frames), max_gap=max_gap, divisions=divisions)
    into = np.zeros(data.shape, np.int32) if out is None else out
    result = number_tracks(data, frames, lineage, into, used, part(progress, 0.7, 1.0))
    progress(1.0)
    return result


def link_two(
    before: Frame,
    after: Frame,
    first: FrameObjects,
    second: FrameObjects,
    pictures: tuple[Picture, Picture] | None = None,
) -> Links:
    """Link two consecutive frames.

    Cells that drift further than they are wide would be taken for their neighbours. Where many
    find no partner, the frames are also compared as if cells had moved as the pictures show, or
    all by one of the most common displacements; what explains most wins. Then each cell is
    expected where its neighbours' motion would take it.
    """
    two = (before, after, first, second)
    best = _follow(two, np.zeros_like(first.places))
    if len(best.chosen) < EXPLAINED * min(len(first), len(second)):
        for drift in _drifts(first, second, pictures):
            other = _follow(two, drift)
            if other.total > SHIFTED * best.total:
                best = other
    pairs, chosen = best.pairs, best.chosen
    margins = _margins(pairs, best.gains, chosen)
    return Links(pairs.rows[chosen], pairs.columns[chosen], margins, best.common)


def _follow(two: tuple[Frame, Frame, FrameObjects, FrameObjects], drift: Floats) -> _Linked:
    """Link as if objects had moved by a drift (n, D), then with their neighbours."""
    best = _Linked.of(two, drift)
    for _ in range(ROUNDS):
        together = _neighbours_drift(two[2], two[3], best)
        if together is None:
            break
        other = _Linked.of(two, together)
        if other.total <= best.total:
            break
        best = other
    return best


@dataclass(frozen=True, eq=False)
class _Linked:
    """Pairs, what each would gain, and the chosen ones."""

    common: tuple[Ints, Ints, Ints]
    pairs: FramePairs
    gains: Floats
    chosen: npt.NDArray[np.intp]

    @property
    def total(self) -> float:
        return float(self.gains[self.chosen].sum())

    @classmethod
    def of(cls, two: tuple[Frame, Frame, FrameObjects, FrameObjects], drift: Floats) -> _Linked:
        common = overlaps(*two, drift)
        pairs = find_pairs(two[2], two[3], common, drift)
        gains = WEIGHTS.log_odds(pairs.signs)
        return cls(common, pairs, gains, best_pairs(pairs.rows, pairs.columns, gains))


def _drifts(
    first: FrameObjects, second: FrameObjects, pictures: tuple[Picture, Picture] | None
) -> Iterator[Floats]:
    """Suggest how far the objects of the first frame (n, D) may have moved."""
    if pictures is not None and first.places.shape[1] == 2 and len(first):
        usual = float(np.median(first.diameters))
        yield motion_at(*pictures, first.places, usual)
        return  # pictures know better than a vote, which a crowded field can mislead
    for shift in common_shifts(first, second):
        yield np.broadcast_to(shift, first.places.shape)


def common_shifts(first: FrameObjects, second: FrameObjects) -> list[Floats]:
    """Return the displacements (D,) that most pairs of similar objects agree on."""
    if min(len(first), len(second)) < NEIGHBOURS:
        return []
    usual = float(np.median(first.diameters))
    near = cKDTree(second.places).query_ball_point(first.places, REACH * usual)
    rows = np.repeat(np.arange(len(first)), [len(found) for found in near])
    columns = np.concatenate([np.asarray(found, np.int64) for found in near]).astype(np.int64)
    alike = np.abs(np.log(first.sizes[rows] / second.sizes[columns])) < ALIKE
    votes = (second.places[columns] - first.places[rows])[alike]
    found: list[Floats] = []
    while len(votes) >= NEIGHBOURS and len(found) < SHIFTS:
        around = cKDTree(votes).query_ball_point(votes, VOTE * usual)
        centre = votes[max(around, key=len)].mean(axis=0)
        found.append(np.asarray(centre, np.float64))
        votes = votes[np.linalg.norm(votes - centre, axis=1) > 2 * VOTE * usual]
    return found


def find_pairs(
    first: FrameObjects, second: FrameObjects, common: tuple[Ints, Ints, Ints], drift: Floats
) -> FramePairs:
    """List pairs that overlap or are near, once the first frame has moved by its drift (n, D)."""
    if not len(first) or not len(second):
        nothing = np.empty(0, np.int64)
        return FramePairs(nothing, nothing, np.empty((0, 4)))
    moved = first.places + drift
    tree = cKDTree(second.places)
    spacing = max(_spacing(first), _spacing(second))
    reach = np.maximum(REACH * first.diameters, 1.2 * spacing)
    near = tree.query_ball_point(moved, reach)
    rows = np.repeat(np.arange(len(first)), [len(found) for found in near])
    columns = np.concatenate([np.asarray(found, np.int64) for found in near])
    keys = np.concatenate([rows * len(second) + columns, common[0] * len(second) + common[1]])
    keys = np.unique(keys)
    rows, columns = keys // len(second), keys % len(second)
    intersection = np.zeros(len(keys))
    intersection[np.searchsorted(keys, common[0] * len(second) + common[1])] = common[2]
    a, b = first.sizes[rows], second.sizes[columns]
    distance = np.linalg.norm(second.places[columns] - moved[rows], axis=1)
    diameter = np.sqrt(first.diameters[rows] * second.diameters[columns])
    signs = [
        intersection / (a + b - intersection),
        np.minimum(distance / diameter, 2 * REACH),
        distance / spacing,
        np.abs(np.log(a / b)),
    ]
    return FramePairs(rows, columns, np.stack(signs, axis=1))


def _spacing(objects: FrameObjects) -> float:
    """Return the usual distance to the nearest neighbour, at least a diameter."""
    usual = float(np.median(objects.diameters))
    if len(objects) < 2:
        return 3 * usual
    distance, _ = cKDTree(objects.places).query(objects.places, k=2)
    return max(float(np.median(distance[:, 1])), usual)


def _neighbours_drift(first: FrameObjects, second: FrameObjects, linked: _Linked) -> Floats | None:
    """Return how objects move together with their neighbours, or None where they do not."""
    chosen = linked.chosen
    if len(chosen) < 2 * NEIGHBOURS:
        return None
    rows = linked.pairs.rows[chosen]
    moves = second.places[linked.pairs.columns[chosen]] - first.places[rows]
    tree = cKDTree(first.places[rows])
    # Of a linked object's neighbours the first is itself: what others do tells what it would do.
    _, others = tree.query(first.places[rows], k=NEIGHBOURS + 1)
    rest = moves - np.median(moves[others[:, 1:]], axis=1)
    alone, together = (float(np.median(np.linalg.norm(m, axis=1))) for m in (moves, rest))
    if together > 0.7 * alone:
        return None
    _, near = tree.query(first.places, k=NEIGHBOURS)
    return np.asarray(np.median(moves[near], axis=1), np.float64)


def _margins(pairs: FramePairs, gains: Floats, chosen: npt.NDArray[np.intp]) -> Floats:
    """Return by how much every chosen pair gains more than the best other pair of its two sides."""
    margins = gains[chosen].copy()
    for side in (pairs.rows, pairs.columns):
        size = int(side.max()) + 1 if len(side) else 0
        rival = np.zeros(size)
        others = np.ones(len(gains), dtype=bool)
        others[chosen] = False
        np.maximum.at(rival, side[others], gains[others])
        margins = np.minimum(margins, gains[chosen] - rival[side[chosen]])
    return margins
