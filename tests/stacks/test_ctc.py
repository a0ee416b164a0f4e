"""Folders of the Cell Tracking Challenge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.errors import DataError, LabelsError
from napari_sam.stacks.tracks import Tracks, tracks_of


def tracks(frames: int = 7) -> Tracks:
    """One with a gap, one that divides."""
    labels = np.zeros((frames, 20, 30), np.int32)
    labels[:, 2:6, 2:6] = 5
    labels[3:5, 2:6, 2:6] = 0
    labels[:3, 10:16, 10:16] = 9
    labels[3:, 10:16, 6:10] = 12
    labels[3:, 10:16, 18:22] = 400
    return tracks_of(labels, {12: 9, 400: 9})


def assert_same(a: Tracks, b: Tracks) -> None:
    """The same but for the ids."""
    pairs = np.unique(np.stack([a.labels.ravel(), b.labels.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    names = dict(pairs.T.tolist())
    assert {names[c]: names[p] for c, p in a.parents.items()} == b.parents


@pytest.mark.parametrize("truth", [False, True])
def test_what_was_saved_is_loaded(tmp_path: Path, truth: bool) -> None:
    saved = tracks().save_ctc(tmp_path / "deep" / "01_RES", truth=truth)
    name = "man_track000.tif" if truth else "mask000.tif"
    assert tifffile.imread(saved / name).dtype == np.uint16
    assert_same(tracks(), Tracks.load_ctc(saved))


def test_a_gap_is_written_as_the_format_knows_it(tmp_path: Path) -> None:
    saved = tracks().save_ctc(tmp_path / "out")
    rows = (saved / "res_track.txt").read_text().split("\n")[:-1]
    assert rows == ["1 0 2 0", "2 0 2 0", "3 3 6 2", "4 3 6 2", "5 5 6 1"]
    for t, path in enumerate(sorted(saved.glob("mask*.tif"))):
        there = set(np.unique(tifffile.imread(path)).tolist()) - {0}
        expected = {int(r.split()[0]) for r in rows if int(r.split()[1]) <= t <= int(r.split()[2])}
        assert there == expected


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    saved = tracks().save_ctc(tmp_path)
    with pytest.raises(DataError, match="another folder"):
        tracks().save_ctc(saved)
    with pytest.raises(DataError, match="is a file"):
        tracks().save_ctc(next(saved.glob("*.tif")))


def test_what_is_no_such_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither res_track\.txt nor"):
        Tracks.load_ctc(tmp_path)
    (tmp_path / "res_track.txt").write_text("1 0 two 0\n")
    with pytest.raises(DataError, match="no images"):
        Tracks.load_ctc(tmp_path)
    tifffile.imwrite(tmp_path / "mask000.tif", np.zeros((4, 4), np.uint16))
    with pytest.raises(DataError, match="four whole numbers"):
        Tracks.load_ctc(tmp_path)


def test_relatives_have_to_be_there() -> None:
    with pytest.raises(LabelsError, match="in no frame"):
        tracks_of(np.ones((2, 4, 4), np.int32), {3: 1})


@settings(max_examples=25, deadline=None)
@given(
    seen=st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=4),
)
def test_any_presence_survives_the_round_trip(seen: list[list[bool]], tmp_path_factory) -> None:
    labels = np.zeros((6, 4, 8), np.int32)
    for number, frames in enumerate(seen, 1):
        for t, there in enumerate(frames):
            if there:
                labels[t, number - 1, :number] = number
    before = tracks_of(labels, {})
    folder = tmp_path_factory.mktemp("ctc")
    assert_same(before, Tracks.load_ctc(before.save_ctc(folder)))
