"""Tracks as a graph exchange file."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from napari_sam.errors import DataError, InstallationError, LabelsError
from napari_sam.stacks.geff import graph_of, save
from napari_sam.stacks.tracks import Tracks, tracks_of


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


def written(tracks: Tracks, path: Path) -> Path:
    pytest.importorskip("geff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tracks.save_geff(path)


def loaded(path: Path, labels: np.ndarray | None = None) -> Tracks:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Tracks.load_geff(path, labels)


def test_what_was_saved_is_loaded_with_its_numbers(tmp_path: Path) -> None:
    tracks = divided()
    path = written(tracks, tmp_path / "tracks.geff")
    again = loaded(path, tracks.labels)
    np.testing.assert_array_equal(again.labels, tracks.labels)
    assert again.parents == tracks.parents


def test_nodes_are_found_by_their_places_in_labels_of_other_numbers(tmp_path: Path) -> None:
    tracks = divided()
    path = written(tracks, tmp_path / "tracks.geff")
    other = np.where(tracks.labels > 0, tracks.labels + 100, 0)
    other[3, 0:3, 0:3] = 7  # an object without a node
    again = loaded(path, other)
    assert again.parents == tracks.parents
    np.testing.assert_array_equal(again.labels[:3], tracks.labels[:3])
    assert set(np.unique(again.labels[3])) - set(np.unique(tracks.labels[3])) == {13}


def test_a_file_without_labels_asks_for_them(tmp_path: Path) -> None:
    path = written(divided(), tmp_path / "tracks.geff")
    with pytest.raises(DataError, match="give its labels"):
        loaded(path)
    with pytest.raises(LabelsError, match="no object where"):
        loaded(path, np.zeros((4, 20, 30), np.int32))
    with pytest.raises(LabelsError, match="frames"):
        loaded(path, np.ones((2, 20, 30), np.int32))
    with pytest.raises(DataError, match="There is no"):
        loaded(tmp_path / "nowhere.geff")
    (tmp_path / "empty.geff").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        loaded(tmp_path / "empty.geff")


def test_labels_that_the_file_names_are_found(tmp_path: Path) -> None:
    zarr, geff = pytest.importorskip("zarr"), pytest.importorskip("geff")
    from geff_spec import RelatedObject

    tracks = divided()
    zarr.save(str(tmp_path / "seen.zarr"), tracks.labels)
    path = written(tracks, tmp_path / "tracks.geff")
    about = geff.GeffMetadata.read(path)
    about.related_objects = [RelatedObject(type="labels", path="../seen.zarr", node_prop="track")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        about.write(path)
    again = loaded(path)
    np.testing.assert_array_equal(again.labels, tracks.labels)


def test_a_single_daughter_and_a_mother_who_goes_on_keep_their_numbers(tmp_path: Path) -> None:
    labels = np.zeros((6, 20, 30), np.int64)
    labels[:3, 2:5, 2:5] = 9
    labels[3:, 2:5, 2:5] = 2**40  # her only daughter
    labels[:, 8:12, 8:12] = 4
    labels[2:, 14:18, 8:12] = 5  # of a mother who is still there
    tracks = tracks_of(labels, {2**40: 9, 5: 4})
    again = loaded(written(tracks, tmp_path / "tracks.geff"), labels)
    np.testing.assert_array_equal(again.labels, labels)
    assert again.parents == tracks.parents


def test_numbers_of_single_cells_are_no_tracks(tmp_path: Path) -> None:
    """Where every cell of every frame has a number of its own, links make the tracks."""
    geff, nx = pytest.importorskip("geff"), pytest.importorskip("networkx")
    graph = nx.DiGraph()
    labels = np.zeros((3, 8, 8), np.int32)
    for t in range(3):
        labels[t, 2:5, 2:5] = 10 + t
        graph.add_node(t, t=t, row=3.0, col=3.0, track=10 + t)
    graph.add_edges_from([(0, 1), (1, 2)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        geff.write(
            graph,
            tmp_path / "a.geff",
            axis_names=["t", "row", "col"],
            axis_types=["time", "space", "space"],
        )
    assert np.unique(loaded(tmp_path / "a.geff", labels).labels).tolist() == [0, 1]
