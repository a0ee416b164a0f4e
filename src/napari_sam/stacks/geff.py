"""Tracks as a graph exchange file (GEFF), which other programs of the field read."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from napari_sam.errors import DataError, InstallationError, ParameterError
from napari_sam.files.kinds import as_path

if TYPE_CHECKING:
    import networkx
    import pandas as pd


class Tracked(Protocol):
    """Cells of a movie, and who came from whom: `napari_sam.Tracks`, as far as a file needs it."""

    @property
    def cells(self) -> pd.DataFrame: ...

    @property
    def parents(self) -> dict[int, int]: ...


def library() -> Any:
    """Return the package that reads and writes GEFF files.

    Raises
    ------
    InstallationError
    """
    try:
        import geff
    except ImportError as error:
        raise InstallationError(
            "GEFF files need the package geff: pip install 'napari-sam-bio[geff]'."
        ) from error
    return geff


def save(tracks: Tracked, path: str | Path) -> Path:
    """Write who follows whom as a GEFF: a node per cell and frame, an edge per link.

    Parameters
    ----------
    tracks : napari_sam.Tracks
    path : str or Path
        A folder that is not there yet, such as ``"tracks.geff"``.

    Returns
    -------
    Path

    Raises
    ------
    ParameterError
        When these are no tracks.
    DataError
        When something is there already.
    InstallationError
        When the package ``geff`` is missing.

    References
    ----------
    https://liveimagetrackingtools.org/geff/
    """
    if not hasattr(tracks, "cells") or not hasattr(tracks, "parents"):
        raise ParameterError(
            "tracks must be Tracks, as napari_sam.link_labels and napari_sam.track_cells return "
            f"them, got {reprlib.repr(tracks)}."
        )
    geff = library()
    target = as_path(path)
    if target.exists():
        raise DataError(f"{target} is there already: choose another name.")
    space = [name for name in tracks.cells if name.startswith("centroid_")]
    names = ["t", *(name.removeprefix("centroid_") for name in space)]
    geff.write(
        graph_of(tracks),
        target,
        axis_names=names,
        axis_types=["time", *["space"] * len(space)],
    )
    return target


def graph_of(tracks: Tracked) -> networkx.DiGraph[int]:
    """Return the directed graph of tracks, from earlier cells to later ones.

    Nodes have ``t``, the centroid (``slice``, ``row``, ``col``), ``track`` and ``area``.
    """
    import networkx as nx

    space = [name for name in tracks.cells if name.startswith("centroid_")]
    size = "voxels" if "voxels" in tracks.cells else "area"
    graph: Any = nx.DiGraph()
    cells = tracks.cells.sort_values(["label", "frame"], kind="stable").reset_index(drop=True)
    last: dict[int, int] = {}
    nodes: dict[int, list[int]] = {}
    for node, cell in enumerate(cells.to_dict("records")):
        track = int(cell["label"])
        place = {name.removeprefix("centroid_"): float(cell[name]) for name in space}
        graph.add_node(node, t=int(cell["frame"]), **place, track=track, area=int(cell[size]))
        if track in last:
            graph.add_edge(last[track], node)
        nodes.setdefault(track, []).append(node)
        last[track] = node
    for child, parent in tracks.parents.items():
        born = nodes[child][0]
        before = [node for node in nodes[parent] if graph.nodes[node]["t"] < graph.nodes[born]["t"]]
        graph.add_edge(before[-1], born)  # a mother may go on
    return graph
