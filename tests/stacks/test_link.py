"""Objects of a movie get one number each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_sam as ns
from napari_sam.errors import Cancelled, LabelsError, ParameterError
from napari_sam.stacks.link import link_labels
from napari_sam.training.synthetic import generate_timelapse
from track_scores import every, score


def disc(frame: np.ndarray, row: float, column: float, radius: float, number: int) -> None:
    grid = np.indices(frame.shape)
    frame[(grid[0] - row) ** 2 + (grid[1] - column) ** 2 <= radius**2] = number


def movie(*tracks: dict[int, tuple[float, float, float]], frames: int = 8) -> np.ndarray:
    """Labels of discs (row, column, radius) by frame; ids differ from frame to frame."""
    labels = np.zeros((frames, 64, 96), np.int32)
    for number, track in enumerate(tracks, 1):
        for t, (row, column, radius) in track.items():
            disc(labels[t], row, column, radius, 1 + (number + 3 * t) % 11)
    return labels


def walk(start: int, stop: int, row: float, column: float, step: float = 0, radius: float = 6):
    return {t: (row, column + step * (t - start), radius) for t in range(start, stop)}


def test_each_cell_keeps_one_id_and_every_pixel() -> None:
    labels = movie(walk(0, 8, 20, 20, 4), walk(0, 8, 44, 60, -3), walk(2, 6, 10, 80))
    tracks = link_labels(labels)
    assert ((tracks.labels > 0) == (labels > 0)).all()
    assert tracks.table["label"].tolist() == [1, 2, 3]
    assert tracks.table["first"].tolist() == [0, 0, 2]
    assert tracks.table["last"].tolist() == [7, 7, 5]
    assert tracks.table["frames"].tolist() == [8, 8, 4]
    assert tracks.table["path"].tolist() == pytest.approx([28, 21, 0], abs=0.5)
    assert (tracks.table["score"] > 0.5).all()
    assert tracks.parents == {}


@pytest.mark.parametrize("missing", [1, 2])
def test_a_gap_of_two_frames_is_bridged_and_no_longer_one(missing: int) -> None:
    track = walk(0, 8, 30, 30, 1)
    for t in range(3, 3 + missing):
        del track[t]
    labels = movie(track, walk(0, 8, 50, 70))
    assert len(link_labels(labels).table) == 2
    assert len(link_labels(labels, max_gap=missing - 1).table) == 3


def test_a_cell_that_divides_ends_and_two_begin() -> None:
    mother = walk(0, 4, 32, 40, radius=8)
    left = {t: (32, 40 - 4 - 3 * (t - 4), 5.5) for t in range(4, 8)}
    right = {t: (32, 40 + 4 + 3 * (t - 4) + 3, 5.5) for t in range(4, 8)}
    tracks = link_labels(movie(mother, left, right, walk(0, 8, 12, 80)))
    first = int(tracks.labels[0, 32, 40])
    assert sorted(tracks.parents.values()) == [first, first]
    daughters = tracks.table[tracks.table["parent"] == first]
    assert daughters["first"].tolist() == [4, 4]
    assert int(tracks.table.set_index("label").loc[first, "last"]) == 3
    assert tracks.graph() == {child: [first] for child in tracks.parents}
    assert link_labels(movie(mother, left, right), divisions=False).parents == {}


def test_a_cell_that_appears_far_from_any_mother_has_none() -> None:
    tracks = link_labels(movie(walk(0, 8, 20, 20), walk(4, 8, 50, 80)))
    assert tracks.parents == {}
    assert len(tracks.table) == 2


def test_cells_that_drift_together_by_more_than_their_size_keep_their_ids() -> None:
    rng = np.random.default_rng(0)
    rows, columns = np.meshgrid(np.arange(20, 200, 24), np.arange(20, 200, 24), indexing="ij")
    places = np.stack([rows.ravel(), columns.ravel()], 1) + rng.uniform(-5, 5, (rows.size, 2))
    labels = np.zeros((2, 240, 240), np.int32)
    for number, (row, column) in enumerate(places, 1):
        radius = rng.uniform(4, 7)
        disc(labels[0], row, column, radius, number)
        disc(labels[1], row + 15, column + 4, radius, number)
    assert (link_labels(labels).labels == labels).mean() > 0.99


def test_the_picture_shows_where_cells_went() -> None:
    """A field so crowded and even that positions alone mislead."""
    rng = np.random.default_rng(1)
    texture = np.zeros((150, 150))
    labels = np.zeros((2, 150, 150), np.int32)
    number = 0
    for row in range(12, 130, 14):
        for column in range(12, 140, 14):
            number += 1
            glow = rng.uniform(60, 250)
            disc(labels[0], row, column, 5, number)
            disc(labels[1], row + 9, column, 5, number)
            texture[labels[0] == number] = glow
    image = np.stack([texture, np.roll(texture, 9, axis=0)])
    right = (link_labels(labels, image).labels == labels)[labels > 0].mean()
    assert right > 0.95


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), shuffle=st.integers(0, 10_000))
def test_ids_of_the_frames_do_not_matter(seed: int, shuffle: int) -> None:
    labels = generate_timelapse(seed % 20, (4, 96, 96)).labels
    rng = np.random.default_rng(shuffle)
    renamed = np.zeros_like(labels)
    for t, frame in enumerate(labels):
        lookup = np.concatenate([[0], 1 + rng.permutation(2 * int(labels.max()))])
        renamed[t] = lookup[frame]
    a, b = link_labels(labels), link_labels(renamed)
    pairs = np.unique(np.stack([a.labels.ravel(), b.labels.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    assert ((a.labels > 0) == (labels > 0)).all()


def test_volumes_in_time_are_linked_too() -> None:
    labels = np.zeros((3, 6, 24, 24), np.int32)
    for t in range(3):
        labels[t, 1:4, 4 + 2 * t : 10 + 2 * t, 4:10] = 7 - t
        labels[t, 2:5, 14:20, 14:20] = 2 + t
    tracks = link_labels(labels)
    assert tracks.table["frames"].tolist() == [3, 3]
    assert "centroid_slice" in tracks.cells
    assert tracks.paths().shape == (6, 5)


def test_empty_frames_and_movies_have_no_tracks() -> None:
    assert len(link_labels(np.zeros((3, 8, 8), int)).table) == 0
    labels = np.zeros((4, 16, 16), int)
    labels[1, 2:6, 2:6] = 4
    tracks = link_labels(labels)
    assert tracks.table["label"].tolist() == [1]
    assert tracks.paths().tolist() == [[1, 1, 3.5, 3.5]]


def test_bad_labels_are_refused_with_what_was_expected() -> None:
    with pytest.raises(LabelsError, match="at least 3 axes"):
        link_labels(np.zeros((8, 8), int))
    with pytest.raises(LabelsError, match="integers"):
        link_labels(np.zeros((2, 8, 8)))
    with pytest.raises(ParameterError, match="max_gap"):
        link_labels(np.zeros((2, 8, 8), int), max_gap=-1)
    with pytest.raises(LabelsError, match="movie has shape"):
        link_labels(np.zeros((2, 8, 8), int), np.zeros((3, 8, 8)))


def test_linking_can_be_cancelled() -> None:
    def stop(fraction: float) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        link_labels(np.ones((2, 8, 8), int), progress=stop)


@pytest.mark.parametrize(("step", "links", "divisions"), [(1, 0.99, 0.9), (3, 0.97, 0.7)])
@pytest.mark.parametrize("seed", [0, 3])
def test_true_masks_of_a_generated_movie(
    seed: int, step: int, links: float, divisions: float
) -> None:
    pytest.importorskip("traccuracy")
    sample = generate_timelapse(seed, (24, 256, 256))
    true = every(sample.labels, sample.info["parents"], step)
    found = score(true, ns.link_labels(true.labels))
    assert found["LNK"] >= links
    assert found["division F1"] >= divisions
