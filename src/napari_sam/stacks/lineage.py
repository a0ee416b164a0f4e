"""Tracks that end and tracks that begin: joined over gaps, and daughters to their mothers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.spatial import cKDTree

from napari_sam.stacks.assign import best_pairs
from napari_sam.stacks.frames import Floats, FrameObjects, Ints
from napari_sam.stacks.logistic import Logistic

#: Of a track's end and another's beginning: distance in diameters per root of frames between
#: them, frames missing, difference of log sizes. Printed by ``python benchmarks/fit_stacks.py``.
GAP = Logistic((-4.776, -1.962, 0.033), 6.214)
#: Of a mother, the cell that follows her and one that appears: difference of the daughters' log
#: sizes; distance of their middle from the mother, and of one from the other, in diameters of the
#: mother; log of a daughter's mean size over the mother's largest of late; whether the new one
#: touches the border; shares of both that lie where the mother was.
DIVISION = Logistic((-1.526, -8.676, -3.322, -0.943, -0.318, -3.165, 2.683), 6.762)
REACH = 3.0  # diameters within which an end or a mother is looked for
LATELY = 6  # frames over which a mother's largest size counts: cells round up before they divide


@dataclass(frozen=True, eq=False)
class Links:
    """What two consecutive frames have in common.

    Parameters
    ----------
    rows, columns : (k,) int
        Places in the two frames of what belongs together.
    certainty : (k,) float
        Log-odds of every link, less what its best rival would gain.
    common : (rows, columns, shared) of (m,) int
        Pairs that overlap, and by how many pixels, see `napari_sam.stacks.frames.overlaps`.
    """

    rows: Ints
    columns: Ints
    certainty: Floats
    common: tuple[Ints, Ints, Ints]


@dataclass(eq=False)
class Lineage:
    """Who follows whom: every object of every frame is a node, numbered through the movie.

    Parameters
    ----------
    start : (T + 1,) int
        The first node of each frame.
    before, after : (n,) int
        The same cell in an earlier and in a later frame, -1 where there is none.
    mother : (n,) int
        The node that divided into this one, -1 for all but first nodes of daughters.
    certainty : (n,) float
        Log-odds of what this node was joined by; NaN for first nodes.
    overlap : (n, n) sparse int
        Pixels that nodes of consecutive frames share.
    """

    start: Ints
    before: Ints
    after: Ints
    mother: Ints
    certainty: Floats
    overlap: csr_array

    @classmethod
    def of(cls, frames: list[FrameObjects], links: list[Links]) -> Lineage:
        """Begin with the links of consecutive frames."""
        start = np.cumsum([0, *(len(frame) for frame in frames)]).astype(np.int64)
        count = int(start[-1])
        nobody = np.full(count, -1, np.int64)
        shared = [found.common for found in links]
        low = [start[t] + rows for t, (rows, _, _) in enumerate(shared)]
        high = [start[t + 1] + columns for t, (_, columns, _) in enumerate(shared)]
        pixels = [counts for _, _, counts in shared]
        empty = [np.empty(0, np.int64)]
        overlap = coo_array(
            (
                np.concatenate(pixels + empty),
                (np.concatenate(low + empty), np.concatenate(high + empty)),
            ),
            shape=(count, count),
        ).tocsr()
        self = cls(start, nobody.copy(), nobody.copy(), nobody, np.full(count, np.nan), overlap)
        for t, found in enumerate(links):
            self.link(start[t] + found.rows, start[t + 1] + found.columns, found.certainty)
        return self

    def link(self, earlier: Ints, later: Ints, sure: Floats) -> None:
        """Make nodes the same cells."""
        self.after[earlier] = later
        self.before[later] = earlier
        self.certainty[later] = sure

    def divide(self, mother: int, appeared: int, sure: float) -> None:
        """Let a mother's track end, and two begin in the next frame."""
        followed = int(self.after[mother])
        self.after[mother] = self.before[followed] = -1
        for daughter in (followed, appeared):
            self.mother[daughter] = mother
            self.certainty[daughter] = sure


@dataclass(frozen=True, eq=False)
class Nodes:
    """The objects of all frames in one sequence.

    Parameters
    ----------
    frame, sizes : (n,) int
    places : (n, D) float
    diameters : (n,) float
    edges : (n,) bool
    """

    frame: Ints
    sizes: Ints
    places: Floats
    diameters: Floats
    edges: Ints

    @classmethod
    def of(cls, frames: list[FrameObjects]) -> Nodes:
        """Put frames one after the other."""
        return cls(
            np.repeat(np.arange(len(frames)), [len(frame) for frame in frames]),
            np.concatenate([frame.sizes for frame in frames]),
            np.concatenate([frame.places for frame in frames]),
            np.concatenate([frame.diameters for frame in frames]),
            np.concatenate([frame.edges for frame in frames]).astype(np.int64),
        )


def join(lineage: Lineage, nodes: Nodes, *, max_gap: int, divisions: bool) -> None:
    """Join what is left over, in place.

    Gaps and divisions compete for the cells that appear and are solved together. Mothers whose
    own track was only just joined to a daughter are asked in a second round.
    """
    for first_round in (True, False):
        gaps = find_gaps(lineage, nodes, max_gap)
        gains = [GAP.log_odds(gaps[2])]
        pairs = [gaps[:2]]
        if divisions:
            births = find_births(lineage, nodes)
            gains.append(DIVISION.log_odds(births[2]))
            pairs.append(births[:2])
        parents = np.concatenate([p[0] + len(nodes.frame) * k for k, p in enumerate(pairs)])
        appeared = np.concatenate([p[1] for p in pairs])
        gain = np.concatenate(gains)
        for which in best_pairs(parents, appeared, gain):
            kind, parent = divmod(int(parents[which]), len(nodes.frame))
            new = int(appeared[which])
            if kind:
                lineage.divide(parent, new, float(gain[which]))
            else:
                lineage.link(np.array([parent]), np.array([new]), gain[which : which + 1])
        if not first_round or not divisions:
            break


def find_gaps(lineage: Lineage, nodes: Nodes, max_gap: int) -> tuple[Ints, Ints, Floats]:
    """List ends and beginnings near each other, with their signs (m, 3), see `GAP`."""
    free = (lineage.before < 0) & (lineage.mother < 0)
    divided = np.zeros(len(free), dtype=bool)
    divided[lineage.mother[lineage.mother >= 0]] = True
    ended = (lineage.after < 0) & ~divided
    near = []
    for t in range(1, len(lineage.start) - 1):
        new = _at(lineage, t, free)
        for before in range(max(t - 1 - max_gap, 0), t):
            near += _near(nodes, _at(lineage, before, ended), new)
    a, b = np.array(near, np.int64).reshape(-1, 2).T
    apart = nodes.frame[b] - nodes.frame[a]
    distance = np.linalg.norm(nodes.places[b] - nodes.places[a], axis=1)
    diameter = np.sqrt(nodes.diameters[a] * nodes.diameters[b])
    signs = [
        distance / np.maximum(diameter * np.sqrt(apart), 1e-9),
        apart - 1,
        np.abs(np.log(nodes.sizes[a] / nodes.sizes[b])),
    ]
    return a, b, np.stack(signs, axis=1).reshape(-1, 3)


def find_births(lineage: Lineage, nodes: Nodes) -> tuple[Ints, Ints, Floats]:
    """List mothers and cells that appear beside the one that follows her, with signs (m, 7)."""
    free = (lineage.before < 0) & (lineage.mother < 0)
    near = []
    for t in range(1, len(lineage.start) - 1):
        going_on = _at(lineage, t - 1, lineage.after >= 0)
        going_on = going_on[nodes.frame[lineage.after[going_on]] == t]
        near += _near(nodes, going_on, _at(lineage, t, free))
    m, b = np.array(near, np.int64).reshape(-1, 2).T
    a = lineage.after[m]
    size = _largest_lately(lineage, nodes, m)
    diameter = size ** (1 / nodes.places.shape[1])
    middle = (nodes.places[a] + nodes.places[b]) / 2
    signs = [
        np.abs(np.log(nodes.sizes[a] / nodes.sizes[b])),
        np.linalg.norm(middle - nodes.places[m], axis=1) / diameter,
        np.linalg.norm(nodes.places[a] - nodes.places[b], axis=1) / diameter,
        np.log((nodes.sizes[a] + nodes.sizes[b]) / 2 / size),
        nodes.edges[b],
        _covered(lineage, nodes, m, a),
        _covered(lineage, nodes, m, b),
    ]
    return m, b, np.stack(signs, axis=1).reshape(-1, 7)


def _covered(lineage: Lineage, nodes: Nodes, mother: Ints, daughter: Ints) -> Floats:
    """Return the share of daughters that lies where their mothers were."""
    if not len(mother):
        return np.empty(0)
    shared = np.asarray(lineage.overlap[mother, daughter]).ravel()
    return np.asarray(shared / nodes.sizes[daughter], np.float64)


def _largest_lately(lineage: Lineage, nodes: Nodes, of: Ints) -> Floats:
    size = nodes.sizes[of].astype(np.float64)
    at = of.copy()
    for _ in range(LATELY):
        earlier = lineage.before[at]
        at = np.where(earlier >= 0, earlier, at)
        size = np.maximum(size, nodes.sizes[at])
    return size


def _at(lineage: Lineage, t: int, flag: np.ndarray) -> Ints:
    """Return the nodes of a frame for which a flag is set."""
    low, high = lineage.start[t], lineage.start[t + 1]
    return np.asarray(low + np.flatnonzero(flag[low:high]), np.int64)


def _near(nodes: Nodes, old: Ints, new: Ints) -> list[tuple[int, int]]:
    """Pair nodes of two frames that lie within some diameters of the old one."""
    if not len(old) or not len(new):
        return []
    found = cKDTree(nodes.places[new]).query_ball_point(
        nodes.places[old], REACH * nodes.diameters[old]
    )
    return [(int(a), int(new[b])) for a, some in zip(old, found, strict=True) for b in some]
