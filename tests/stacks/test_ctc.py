"""Folders of the Cell Tracking Challenge."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.errors import DataError, LabelsError
from napari_sam.exports.formats import export
from napari_sam.files.ctc import write_ctc
from napari_sam.segmentation import Segmentation
from napari_sam.stacks.link import link_labels
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
    np.testing.assert_array_equal(a.labels, b.labels)
    assert a.parents == b.parents


@pytest.mark.parametrize("truth", [False, True])
def test_what_was_saved_is_loaded(tmp_path: Path, truth: bool) -> None:
    saved = tracks().save_ctc(tmp_path / "deep" / "01_RES", truth=truth)
    name = "man_track000.tif" if truth else "mask000.tif"
    assert tifffile.imread(saved / name).dtype == np.uint16
    assert_same(tracks(), Tracks.load_ctc(saved))


def test_a_gap_is_written_as_the_format_knows_it(tmp_path: Path) -> None:
    saved = tracks().save_ctc(tmp_path / "out")
    rows = (saved / "res_track.txt").read_text().split("\n")[:-1]
    assert rows == ["5 0 2 0", "9 0 2 0", "12 3 6 9", "400 3 6 9", "401 5 6 5"]
    for t, path in enumerate(sorted(saved.glob("mask*.tif"))):
        there = set(np.unique(tifffile.imread(path)).tolist()) - {0}
        expected = {int(r.split()[0]) for r in rows if int(r.split()[1]) <= t <= int(r.split()[2])}
        assert there == expected


@pytest.mark.parametrize("mother", [5, 9])
@pytest.mark.parametrize("begins", [0, 1, 2])
def test_a_daughter_that_was_painted_on_before_her_mother_is_nobodys(
    tmp_path: Path, mother: int, begins: int
) -> None:
    """As a brush makes them of labels under review: what is written can be read again."""
    labels = np.zeros((4, 8, 30), np.int32)
    daughter = 14 - mother
    labels[1:3, 2:6, 2:6] = mother
    labels[begins:, 2:6, 12:16] = daughter
    table = tracks_of(labels, {}).table
    table.loc[table["label"] == daughter, "parent"] = mother
    family = {daughter: mother} if begins == 2 else {}
    Segmentation(labels, table).save(tmp_path / "a_labels.tif", axes="TYX")
    assert Tracks.load(tmp_path / "a_labels.tif").parents == family
    export(labels, tmp_path / "ctc", to="ctc", table=table, axes="TYX")
    assert_same(tracks_of(labels, family), Tracks.load_ctc(tmp_path / "ctc"))


def test_a_daughter_descends_from_what_her_mother_was_before(tmp_path: Path) -> None:
    labels = np.zeros((4, 8, 30), np.int32)
    labels[[0, 2], 2:6, 2:6] = 5  # with a gap, and back as the daughter begins
    labels[2:, 2:6, 12:16] = 9
    rows = write_ctc(tmp_path / "ctc", labels, {9: 5}) / "res_track.txt"
    assert rows.read_text().split("\n")[:-1] == ["5 0 0 0", "9 2 3 5", "10 2 2 5"]


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


def test_ids_beyond_16_bits_get_numbers_that_are_free_and_are_told(tmp_path: Path) -> None:
    labels = np.zeros((3, 6, 9), np.int64)
    labels[:, 1:3, 1:3] = 7
    labels[:, 4:6, 4:8] = 2**40
    labels[1:, 0, 0] = 2**16 - 1
    tracks = tracks_of(labels, {2**16 - 1: 2**40})
    assert tracks.table["label"].tolist() == [7, 2**16 - 1, 2**40]
    with pytest.warns(UserWarning, match=f"above 65535: written were {2**40} as 1\\."):
        saved = tracks.save_ctc(tmp_path / "out")
    again = Tracks.load_ctc(saved)
    np.testing.assert_array_equal(again.labels, np.where(labels == 2**40, 1, labels))
    assert again.parents == {2**16 - 1: 1}


def test_images_left_by_others_are_not_read_as_frames(tmp_path: Path) -> None:
    """A folder with images and no table: what an interrupted writer leaves."""
    saved = tracks(9).save_ctc(tmp_path / "out")
    (saved / "res_track.txt").unlink()
    with pytest.raises(DataError, match=r"images of tracks already \(mask000\.tif\)"):
        tracks(4).save_ctc(saved)
    assert len(list(saved.iterdir())) == 9


def folder(path: Path, frames: list[np.ndarray], table: str = "1 0 4 0\n") -> Path:
    path.mkdir()
    (path / "res_track.txt").write_text(table)
    for t, frame in enumerate(frames):
        tifffile.imwrite(path / f"mask{t:03d}.tif", frame)
    return path


def test_a_missing_image_is_told_and_no_frame_moves(tmp_path: Path) -> None:
    saved = folder(tmp_path / "a", [np.ones((4, 4), np.uint16)] * 5)
    (saved / "mask002.tif").unlink()
    with pytest.raises(DataError, match="frame 2, of 1 in all"):
        Tracks.load_ctc(saved)
    (saved / "mask000.tif").unlink()
    (saved / "mask001.tif").unlink()  # a part of a longer movie
    assert Tracks.load_ctc(saved).labels.shape == (2, 4, 4)
    (saved / "mask03.tif").write_bytes((saved / "mask003.tif").read_bytes())
    with pytest.raises(DataError, match=r"mask003\.tif and mask03\.tif"):
        Tracks.load_ctc(saved)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (np.full((4, 4), 0.5, np.float32), "no ids"),
        (np.full((4, 4), -1, np.int16), "no ids"),
        (np.full((4, 4), 2**63 + 5, np.uint64), "63 bits"),
        (np.ones((2, 2, 2, 5, 6), np.uint8), "got shape"),
    ],
)
def test_images_that_hold_no_ids_are_refused(tmp_path: Path, frame: np.ndarray, says: str) -> None:
    with pytest.raises(DataError, match=says):
        Tracks.load_ctc(folder(tmp_path / "a", [frame] * 2))


def test_a_colour_picture_is_no_stack_of_slices(tmp_path: Path) -> None:
    there = folder(tmp_path / "a", [np.ones((6, 8), np.uint8)] * 2)
    tifffile.imwrite(there / "mask001.tif", np.ones((6, 8, 3), np.uint8), photometric="rgb")
    with pytest.raises(DataError, match=r"mask001\.tif is a colour picture"):
        Tracks.load_ctc(there)


def test_three_slices_that_were_written_as_separate_colours_are_slices(tmp_path: Path) -> None:
    """As tifffile writes (3, H, W) if nobody says what that is."""
    there = folder(tmp_path / "a", [np.ones((6, 8), np.uint16)] * 2)
    how = {"photometric": "rgb", "planarconfig": "separate"}
    for number in range(2):
        tifffile.imwrite(there / f"mask{number:03d}.tif", np.ones((3, 6, 8), np.uint16), **how)
    assert Tracks.load_ctc(there).labels.shape == (2, 3, 6, 8)


@pytest.mark.parametrize("path", [None, 5])
def test_what_is_no_path_is_refused(path: Any) -> None:
    tracks = link_labels(np.ones((2, 4, 4), int))
    for go in (Tracks.load_ctc, tracks.save_ctc, Tracks.load_geff, tracks.save_geff):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the packages that read such files
            with pytest.raises(DataError, match="is not the path of"):
                go(path)


def test_ids_of_32_bits_stay(tmp_path: Path) -> None:
    frame = np.full((4, 4), 2**32 - 6, np.uint32)
    loaded = Tracks.load_ctc(folder(tmp_path / "a", [frame] * 2))
    assert np.unique(loaded.labels).tolist() == [2**32 - 6]


@pytest.mark.parametrize("table", ["1 0 1 1\n", "1 0 1 2\n2 0 1 1\n"])
def test_nobody_is_her_own_mother(tmp_path: Path, table: str) -> None:
    frame = np.array([[1, 0, 2]] * 3, np.uint16)
    with pytest.raises(LabelsError, match="cannot be the mother"):
        Tracks.load_ctc(folder(tmp_path / "a", [frame] * 2, table))


def test_a_track_has_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two lines"):
        Tracks.load_ctc(folder(tmp_path / "a", [np.ones((3, 3), np.uint8)], "1 0 0 0\n1 0 0 0\n"))
