"""Editing objects through slices and tracks through frames: join, cut, swap, set parent, delete.

Every function looks at labels as they are and returns a `ThroughEdit`: which pixels change, and
whose daughters the tracks are afterwards. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from napari_sam import checks
from napari_sam.errors import LabelsError
from napari_sam.labels.runs import Runs
from napari_sam.labels.slices import Where, positions, renumber, seen_on, slice_at

Parents = Mapping[int, int]


@dataclass(frozen=True, eq=False)
class ThroughEdit:
    """An edit of objects on several slices, or of tracks.

    Parameters
    ----------
    told : str
        What is done, in a sentence.
    runs : Runs
        The pixels that change; may be none.
    ids : tuple of int
        The objects concerned.
    parents : dict of int to int
        From every daughter to her mother, as it shall be.
    """

    told: str
    runs: Runs
    ids: tuple[int, ...]
    parents: dict[int, int]


def join(
    labels: Any,
    axis: int,
    first: int,
    second: int,
    parents: Parents | None = None,
    *,
    over_time: bool = True,
    where: Where = None,
) -> ThroughEdit:
    """Make two objects one, under the first one's id.

    Parameters
    ----------
    labels : integer array
        NumPy, zarr or alike; read slice by slice.
    axis : int
        Of the slices or frames.
    first, second : int
    parents : mapping of int to int
    over_time : bool
        Whether these are tracks, which cannot be twice in one frame.
    where : iterable of int, optional
        Positions along the axis that may hold either; all by default.

    Raises
    ------
    LabelsError
        When either is not there, or both are seen in one frame.

    Examples
    --------
    >>> import numpy as np
    >>> movie = np.array([[[1, 0]], [[2, 0]], [[3, 0]]])
    >>> joined = join(movie, 0, 1, 2, {3: 2})
    >>> joined.runs.size, joined.parents
    (1, {3: 1})
    """
    if first == second:
        raise LabelsError("Joining needs two different cells.")
    family = dict(parents or {})
    seen = seen_on(labels, axis, (first, second), where)
    both = sorted(set(seen[first]) & set(seen[second]))
    if over_time and both:
        raise LabelsError(
            f"Cells {first} and {second} are both in frame {both[0]}, so they are not one. Merge "
            "them there, or cut one of them first."
        )
    runs = renumber(labels, axis, {second: first}, seen[second])
    kept = {c: first if p == second else p for c, p in family.items() if c != second}
    earliest = second if seen[second][0] < seen[first][0] else first
    kept.pop(first, None)
    if family.get(earliest, first) not in (first, second):
        kept[first] = family[earliest]
    spans = {first: (min(seen[first][0], seen[second][0]), max(seen[first][-1], seen[second][-1]))}
    kept = _sound(kept, spans, labels, axis, {first})
    return ThroughEdit(f"Joined cell {second} to cell {first}.", runs, (first, second), kept)


def cut(
    labels: Any,
    axis: int,
    object_id: int,
    at: int,
    new_id: int,
    parents: Parents | None = None,
    *,
    where: Where = None,
) -> ThroughEdit:
    """Give an object another id from a slice or frame on.

    Its daughters are then those of the new one, but for those that begin before it.

    Parameters
    ----------
    at : int
        The first position of the new one.
    new_id : int
        A free id.

    Raises
    ------
    LabelsError
        When there is nothing of it on one of the sides.
    """
    seen = seen_on(labels, axis, (object_id,), where)[object_id]
    later = [k for k in seen if k >= at]
    if not later or len(later) == len(seen):
        raise LabelsError(
            f"Cell {object_id} is seen from {seen[0]} to {seen[-1]}: it cannot be cut at {at}. Go "
            "in between: what is shown there becomes the first of the new cell."
        )
    runs = renumber(labels, axis, {object_id: new_id}, later)
    family = dict(parents or {})
    kept = family | _handed_on(labels, axis, object_id, new_id, later[0], family)
    told = f"Cut cell {object_id} at {at}; the later part is cell {new_id}."
    return ThroughEdit(told, runs, (object_id, new_id), kept)


def swap(
    labels: Any,
    axis: int,
    first: int,
    second: int,
    at: int,
    parents: Parents | None = None,
    *,
    where: Where = None,
) -> ThroughEdit:
    """Exchange the ids of two objects from a slice or frame on, and with them their daughters.

    Parameters
    ----------
    at : int
        The first position at which they are exchanged.

    Raises
    ------
    LabelsError
        When neither is seen from there on.
    """
    if first == second:
        raise LabelsError("Exchanging numbers needs two different cells.")
    seen = seen_on(labels, axis, (first, second), where)
    later = sorted({k for some in seen.values() for k in some if k >= at})
    if not later:
        raise LabelsError(f"Neither cell {first} nor cell {second} is seen from {at} on.")
    exchanged = {first: second, second: first}
    runs = renumber(labels, axis, exchanged, later)
    kept = {c: exchanged.get(p, p) for c, p in (parents or {}).items()}
    begun = [i for i in (first, second) if seen[i][0] < at]
    if not begun:  # both change their names, no more
        kept = {exchanged.get(c, c): p for c, p in kept.items()}
    elif len(begun) == 1:  # what begins later goes on from the other now
        kept.pop(exchanged[begun[0]], None)
    spans = {i: _span(seen, i, exchanged[i], at) for i in (first, second)}
    for gone in (i for i, span in spans.items() if not span):  # the other one has all of both
        kept = {c: exchanged[gone] if p == gone else p for c, p in kept.items() if c != gone}
    kept = _sound(kept, {i: span for i, span in spans.items() if span}, labels, axis, {*exchanged})
    told = f"Exchanged cells {first} and {second} from {at} on."
    return ThroughEdit(told, runs, (first, second), kept)


def _span(
    seen: dict[int, list[int]], early: int, late: int, at: int
) -> tuple[int, int] | tuple[()]:
    """Return where a cell begins and ends that has changed at a position; empty for nowhere."""
    frames = [k for k in seen[early] if k < at] + [k for k in seen[late] if k >= at]
    return (frames[0], frames[-1]) if frames else ()


def set_parent(
    labels: Any,
    axis: int,
    child: int,
    parent: int,
    new_id: int,
    parents: Parents | None = None,
    *,
    where: Where = None,
) -> ThroughEdit:
    """Make a track the daughter of another one, or of none.

    A mother that goes on when the daughter begins is cut there: what goes on is her other daughter.

    Parameters
    ----------
    parent : int
        0 for none.
    new_id : int
        A free id for the other daughter.

    Raises
    ------
    LabelsError
        When the mother is not seen before the daughter.
    """
    family = dict(parents or {})
    if not parent:
        if child not in family:
            raise LabelsError(f"Cell {child} has no mother. Nothing was changed.")
        kept = {c: p for c, p in family.items() if c != child}
        nothing = Runs.none(labels.shape)
        return ThroughEdit(f"Cell {child} is nobody's daughter.", nothing, (child,), kept)
    if child == parent:
        raise LabelsError("A cell is not its own mother.")
    seen = seen_on(labels, axis, (child, parent), where)
    begins = seen[child][0]
    if seen[parent][0] >= begins:
        raise LabelsError(
            f"Cell {parent} is seen from {seen[parent][0]} on and cell {child} from {begins}: a "
            "mother is there before her daughter."
        )
    told = f"Cell {child} is a daughter of cell {parent}."
    later = [k for k in seen[parent] if k >= begins]
    if not later:
        if family.get(child) == parent:
            raise LabelsError(f"{told[:-1]} already. Nothing was changed.")
        nothing = Runs.none(labels.shape)
        return ThroughEdit(told, nothing, (child, parent), {**family, child: parent})
    runs = renumber(labels, axis, {parent: new_id}, later)
    kept = family | _handed_on(labels, axis, parent, new_id, later[0], family)
    kept |= {child: parent, new_id: parent}
    told = f"Cell {parent} divides into {child} and {new_id}, which goes on from {begins}."
    return ThroughEdit(told, runs, (child, parent, new_id), kept)


def delete(
    labels: Any,
    axis: int,
    ids: Iterable[int],
    start: int,
    stop: int,
    parents: Parents | None = None,
    *,
    where: Where = None,
) -> ThroughEdit:
    """Remove objects over a range of slices or frames.

    Parameters
    ----------
    ids : iterable of int
    start, stop : int
        First and last position, both included.

    Raises
    ------
    LabelsError
        When none is seen there.
    """
    wanted = checks.ids(ids)
    seen = seen_on(labels, axis, wanted, where)
    there = sorted({k for some in seen.values() for k in some if start <= k <= stop})
    if not there:
        names = ", ".join(map(str, wanted))
        raise LabelsError(f"Cell {names} is not seen from {start} to {stop}. Nothing was deleted.")
    runs = renumber(labels, axis, dict.fromkeys(wanted, 0), there)
    left = {i: [k for k in some if not start <= k <= stop] for i, some in seen.items()}
    gone = {i for i, some in left.items() if not some}
    kept = {c: p for c, p in (parents or {}).items() if c not in gone and p not in gone}
    what = f"cell {wanted[0]}" if len(wanted) == 1 else f"{len(wanted)} cells"
    whole = "" if gone == set(wanted) else f" from {there[0]} to {there[-1]}"
    return ThroughEdit(f"Deleted {what}{whole}.", runs, tuple(wanted), kept)


def _handed_on(
    labels: Any, axis: int, mother: int, new_id: int, at: int, family: Parents
) -> dict[int, int]:
    """Give the daughters of a track to what goes on of it from a position, under a new id.

    Those that are there by then stay with it: a mother may go on.
    """
    daughters = [c for c, p in family.items() if p == mother]
    born = _spans_of(labels, axis, daughters)
    return {c: new_id for c in daughters if c not in born or born[c][0] > at}


def _sound(
    parents: dict[int, int],
    spans: Mapping[int, tuple[int, ...]],
    labels: Any,
    axis: int,
    changed: set[int],
) -> dict[int, int]:
    """Leave out mothers that are seen no longer before their daughters begin."""
    near = {(c, p) for c, p in parents.items() if c in changed or p in changed}
    others = {i for pair in near for i in pair} - set(spans)
    spans = {**spans, **_spans_of(labels, axis, others)}
    known = {(c, p) for c, p in near if c in spans and p in spans}  # rows outlive their cells
    broken = {c for c, p in known if spans[p][1] >= spans[c][0]}
    return {c: p for c, p in parents.items() if c not in broken}


def _spans_of(labels: Any, axis: int, ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return from where to where cells are seen, of those that are."""
    found: dict[int, tuple[int, int]] = {}
    wanted = set(ids)
    for at in positions(labels, axis, None) if wanted else ():
        part = slice_at(labels, axis, at)
        for one in (i for i in wanted if (part == i).any()):
            found[one] = (found.get(one, (at, at))[0], at)
    return found
