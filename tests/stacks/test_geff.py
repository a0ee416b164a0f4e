"""Tracks as a graph exchange file."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from napari_sam.errors import DataError, InstallationError
from napari_sam.stacks.ctc import tracks_of
from napari_sam.stacks.geff import graph_of, save
from napari_sam.stacks.tracks import Tracks


def divided() -> Tracks:
    labels = np.zeros((4, 20, 30), np.int32)
    labels[:2, 10:16, 10:16] = 9
    labels[2:, 10:16, 6:10] = 12
    labels[2:, 10:16, 18:22] = 4
    return tracks_of(labels, {12: 9, 4: 9})


def test_every_link_is_an_edge_and_a_mother_has_two() -> None:
    graph = graph_of(divided())
    assert graph.number_of_nodes() == 6
    assert graph.number_of_edges() == 5
    for earlier, later in graph.edges:
        assert graph.nodes[earlier]["t"] == graph.nodes[later]["t"] - 1
    mother = max(graph, key=graph.out_degree)
    assert (graph.nodes[mother]["t"], graph.nodes[mother]["row"]) == (1, 12.5)
    assert {graph.nodes[child]["track"] for child in graph.successors(mother)} == {4, 12}


def test_what_was_written_is_read_by_the_format_s_own_library(tmp_path: Path) -> None:
    geff = pytest.importorskip("geff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, about zarr
        path = save(divided(), tmp_path / "tracks.geff")
        graph, metadata = geff.read(path)
    assert graph.number_of_edges() == 5
    assert [axis.name for axis in metadata.axes] == ["t", "row", "col"]
    with pytest.raises(DataError, match="already"):
        save(divided(), path)


def test_the_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "geff", None)
    with pytest.raises(InstallationError, match="pip install"):
        save(divided(), tmp_path / "tracks.geff")
