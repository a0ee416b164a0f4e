"""Levels of labels: what is written into the finest one is in all of them."""

from __future__ import annotations

import errno
import mmap
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from images_watched import Watched
from napari_sam.errors import LabelsError
from napari_sam.labels import levels as module
from napari_sam.labels.levels import (
    LabelLevels,
    empty_levels,
    is_in_memory,
    levels_of,
    pieces,
    sparse_zeros,
)
from napari_sam.labels.presence import Presence
from napari_sam.labels.runs import Runs, write


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_coarser_levels_take_every_second_pixel(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(1, 3)), *(data.draw(st.integers(40, 90)) for _ in range(2)))
    steps = data.draw(st.sampled_from([(1, 2), (1, 2, 4), (1, 3)]))
    rounded = data.draw(st.sampled_from([np.floor, np.ceil]))
    arrays = [
        np.zeros((shape[0], *(int(rounded(side / step)) for side in shape[1:])), np.int32)
        for step in steps
    ]
    both = LabelLevels(arrays)
    expected = np.zeros(shape, np.int32)
    for number in range(1, 4):
        first = [data.draw(st.integers(0, side - 1)) for side in shape]
        last = [data.draw(st.integers(a + 1, side)) for a, side in zip(first, shape, strict=True)]
        key = (first[0], *(slice(a, b) for a, b in zip(first[1:], last[1:], strict=True)))
        both[key] = number
        expected[key] = number
    np.testing.assert_array_equal(both[...], expected)
    for array, step in zip(arrays, steps, strict=True):
        taken = expected[:, ::step, ::step][:, : array.shape[1], : array.shape[2]]
        np.testing.assert_array_equal(array, taken)


def test_a_change_is_written_into_all_levels_and_counted() -> None:
    both = LabelLevels(empty_levels((3000, 2000)))
    presence = Presence(lambda: both, empty=True)
    rows, columns = np.mgrid[100:120, 50:80].reshape(2, -1)
    runs = Runs.at(both.shape, (rows, columns), 0, 5)
    with presence.writing(runs):
        write(both, runs)
    assert presence.highest() == 5
    assert presence.count([5]) == {5: 600}
    assert (both.levels[1][50:60, 25:40] == 5).all()
    write(both, runs.reversed)
    assert not any(level.any() for level in both.levels)


def test_large_planes_are_counted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_sam.labels import presence as counting

    monkeypatch.setattr(counting, "_AT_ONCE", 100)
    monkeypatch.setattr(counting, "SMALL", 0)
    labels = np.random.default_rng(0).integers(0, 9, (2, 50, 30)).astype(np.int32)
    presence = Presence(lambda: labels)
    while presence.count_next():
        pass
    assert presence.count(range(1, 9)) == {i: int((labels == i).sum()) for i in range(1, 9)}
    assert Presence(lambda: labels).highest() == 8


def test_levels_are_halves() -> None:
    assert LabelLevels([np.zeros((9, 9)), np.zeros((5, 4))]).steps == (1, 2)
    with pytest.raises(LabelsError, match="does not fit"):
        LabelLevels([np.zeros((9, 9)), np.zeros((6, 6))])[0:1, 0:1] = 1


def test_labels_are_copied_into_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SMALLEST", 8)
    pixels = np.zeros((2, 30, 20), np.uint16)
    pixels[1, 5:9, 3:12] = 4
    both = levels_of(pixels)
    np.testing.assert_array_equal(both[...], pixels)
    np.testing.assert_array_equal(both.levels[1], pixels[:, ::2, ::2])
    assert is_in_memory(both)
    assert not is_in_memory(LabelLevels([Watched(pixels)]))


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 100))
def test_pieces_cover_every_pixel_once(height: int, width: int, most: int) -> None:
    counted = np.zeros((2, height, width), int)
    for where in pieces(counted.shape, most):
        counted[where] += 1
        assert counted[where].size <= most
    assert (counted == 1).all()


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of a process")
def test_memory_is_taken_where_something_is_written_and_nowhere_else() -> None:
    def taken() -> int:
        import resource  # which Windows does not have

        pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
        return int(pages) * resource.getpagesize()

    labels = sparse_zeros((20_000, 20_000), np.dtype(np.int32))
    before = taken()
    labels[::10, 7] = 5
    assert taken() - before < 100e6  # huge pages would take 1.6 GB
    assert labels[50, 6:9].tolist() == [0, 5, 0]
    assert is_in_memory(labels)


@pytest.mark.parametrize("side", [1 << 24, 1 << 40])
def test_what_no_memory_holds_is_refused(side: int) -> None:
    with pytest.raises(LabelsError, match="not enough memory"):
        sparse_zeros((side, side), np.dtype(np.int32))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems are not asked for huge pages")
def test_a_kernel_without_huge_pages_holds_labels_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain(mmap.mmap):
        """What a kernel that was built without them answers."""

        def madvise(self, *_: int) -> None:
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(module.mmap, "mmap", Plain)
    labels = sparse_zeros((2048, 1024), np.dtype(np.int32))
    labels[5, 7] = 3
    assert labels.sum() == 3
