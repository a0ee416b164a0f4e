"""Tracks from a graph exchange file (GEFF), and the labels that its nodes are about."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_sam.errors import DataError, LabelsError
from napari_sam.files.kinds import as_path
from napari_sam.stacks.frames import check_labels
from napari_sam.stacks.geff import library

#: Properties of nodes that may hold the id that a cell has in the labels of its frame.
ID_NAMES = ("track", "seg_id", "segmentation_id", "label", "track_id", "tracklet_id")


def read(path: str | Path, labels: Any = None) -> tuple[Any, dict[int, int]]:
    """Read a GEFF: who follows whom, among the objects of labels.

    Parameters
    ----------
    path : str or Path
    labels : (T, H, W) or (T, Z, H, W) integer array, optional
        The objects of every frame; those that the file names by default. A node means the object
        whose id is its ``track``, ``seg_id`` or ``label``, else the one at its position.

    Returns
    -------
    labels : integer array
        With the numbers of ``track`` where those are the tracks, else 1, 2, ... in the order of
        appearance. Objects without a node are tracks of their own, a frame each.
    parents : dict of int to int
        From the id of a daughter to that of her mother.

    Raises
    ------
    DataError
        When the file cannot be read, has no labels, or has cells with two predecessors.
    LabelsError
        When a node has no object in the labels.
    InstallationError
        When the package ``geff`` is missing.

    References
    ----------
    https://liveimagetrackingtools.org/geff/
    """
    geff, path = library(), as_path(path)
    if not path.exists():
        raise DataError(f"There is no {path}.")
    try:
        graph, about = geff.read(path)
    except Exception as error:
        raise DataError(f"{path} cannot be read as a GEFF: {error}.") from error
    data = check_labels(_related(path, about) if labels is None else labels)
    axes = [axis.name for axis in about.axes or ()]
    time = next((axis.name for axis in about.axes or () if axis.type == "time"), "t")
    space = [name for name in axes if name != time]
    nodes = sorted(graph.nodes, key=lambda node: int(graph.nodes[node][time]))
    merged = next((node for node in nodes if graph.in_degree(node) > 1), None)
    if merged is not None:
        raise DataError(
            f"{path}: node {merged} has two predecessors. Cells that merge are not known here."
        )
    found = _objects(data, graph, nodes, time, space)
    numbers = _numbers(graph, nodes)
    painted = _painted(data, found, numbers)
    parents = {
        numbers[node]: numbers[before]
        for node in nodes
        for before in graph.predecessors(node)
        if numbers[before] != numbers[node]
    }
    return painted, parents


def _related(path: str | Path, about: Any) -> Any:
    """Open the labels that a file names."""
    for one in about.related_objects or ():
        if one.type == "labels":
            import zarr

            try:
                return zarr.open_array(str((Path(path) / one.path).resolve()), mode="r")
            except Exception as error:
                raise DataError(
                    f"The labels of {path}, {one.path}, cannot be read: {error}."
                ) from (error)
    raise DataError(f"{path} says who follows whom, but holds no pixels: give its labels as well.")


def _objects(
    labels: Any, graph: Any, nodes: list[int], time: str, space: list[str]
) -> dict[int, tuple[int, int]]:
    """Return frame and id of the object that every node means; a frame is read once."""
    found = {}
    for t, cells in itertools.groupby(nodes, lambda node: int(graph.nodes[node][time])):
        if not 0 <= t < labels.shape[0]:
            raise LabelsError(
                f"A cell is in frame {t}, but the labels have {labels.shape[0]} frames."
            )
        frame = np.asarray(labels[t])
        ids = set(np.unique(frame).tolist())
        for node in cells:
            found[node] = t, _id_of(frame, ids, graph.nodes[node], space, t)
    return found


def _id_of(
    frame: npt.NDArray[Any], ids: set[int], node: dict[str, Any], space: list[str], t: int
) -> int:
    """Return the id of the object that a node of a frame means."""
    for name in ID_NAMES:
        number = node.get(name)
        if number is not None and int(number) > 0 and int(number) in ids:
            return int(number)
    place = tuple(int(np.rint(node[name])) for name in space)
    inside = len(place) == frame.ndim and all(
        0 <= at < n for at, n in zip(place, frame.shape, strict=True)
    )
    number = int(frame[place]) if inside else 0
    if number <= 0:
        raise LabelsError(f"The labels have no object where the cell at {place} of frame {t} is.")
    return number


def _chains(graph: Any, nodes: list[int], told: dict[int, Any] | None = None) -> dict[int, int]:
    """Return the first node of the track of every node.

    A track ends where a cell has several successors, or, if numbers of tracks are told, where the
    number changes: a mother may have a single daughter, and may go on beside one.
    """
    first: dict[int, int] = {}
    for node in nodes:  # earlier ones before
        before = next(iter(graph.predecessors(node)), None)
        if told is None:
            goes_on = before is not None and graph.out_degree(before) == 1
        else:
            goes_on = before is not None and told[before] == told[node]
        first[node] = first[before] if goes_on and before is not None else node
    return first


def _numbers(graph: Any, nodes: list[int]) -> dict[int, int]:
    """Number the tracks: as the file does, if its numbers are those of tracks.

    Numbers that no track has twice are, unless they change at every link: then they are those of
    single cells.
    """
    told = {node: graph.nodes[node].get("track") for node in nodes}
    first = _chains(graph, nodes)
    if None not in told.values():
        alone = _chains(graph, nodes, told)
        linked = not graph.number_of_edges() or len(set(alone.values())) < len(nodes)
        for known in (first, alone) if linked else (first,):
            starts = set(known.values())
            pairs = {(told[node], start) for node, start in known.items()}
            if len(pairs) == len(starts) == len({number for number, _ in pairs}):
                return {node: int(number) for node, number in told.items()}
    order = {start: number for number, start in enumerate(dict.fromkeys(first.values()), 1)}
    return {node: order[start] for node, start in first.items()}


def _painted(labels: Any, found: dict[int, tuple[int, int]], numbers: dict[int, int]) -> Any:
    """Give the objects of all frames the numbers of their tracks."""
    painted = np.zeros(labels.shape, np.int32)
    owners: dict[int, dict[int, int]] = {}
    for node, (t, number) in found.items():
        owners.setdefault(t, {})[number] = numbers[node]
    free = max(numbers.values(), default=0) + 1
    for t in range(labels.shape[0]):
        frame = np.asarray(labels[t])
        ids, place = np.unique(frame, return_inverse=True)
        own = owners.get(t, {})
        lookup = np.zeros(len(ids), painted.dtype)
        for at, number in enumerate(ids.tolist()):
            if number > 0 and number not in own:
                own[number], free = free, free + 1
            if own.get(number, 0) > np.iinfo(painted.dtype).max:
                painted, lookup = painted.astype(np.int64), lookup.astype(np.int64)
            lookup[at] = own.get(number, 0)
        painted[t] = lookup[place].reshape(frame.shape)
    return painted
