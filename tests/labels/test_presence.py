"""What is known of the labels is what they hold, whoever writes and whenever it is counted."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sam.images import Plane
from napari_sam.labels import presence as module
from napari_sam.labels.ids import among, count_ids
from napari_sam.labels.presence import Presence
from napari_sam.labels.runs import Runs, write

SHAPE = (5, 6, 7)


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """Labels of any size are counted, as large ones are."""
    monkeypatch.setattr(module, "SMALL", 0)


def stack(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 6, SHAPE).astype(np.int32)


def change(pixels: np.ndarray, plane: int, old: int, new: int) -> Runs:
    after = np.where(pixels[plane] == old, new, pixels[plane])
    return Runs.between(SHAPE, (plane, 0, 0), pixels[plane][None], after[None])


def assert_true(presence: Presence, pixels: np.ndarray) -> None:
    ids = range(-1, 30)
    assert presence.count(ids) == {i: int((pixels == i).sum()) if i else 0 for i in ids}
    assert presence.highest() == max(int(pixels.max()), 0)
    for number in range(30):
        held = np.flatnonzero((pixels == number).any(axis=(1, 2))) if number else []
        along = presence.along(0, [number])
        assert along is None or set(held) <= set(along)
        assert number <= 20 or not along  # no step of any test writes such ids


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8), st.integers(0, 20)), max_size=12))
def test_what_is_written_is_added_up(steps):
    module.SMALL = 0
    pixels = stack()
    presence = Presence(lambda: pixels)
    for number, (plane, old, new) in enumerate(steps):
        if number % 3 == 0:
            presence.count_next()
        if number % 3 == 1:
            presence.seek_next()
        runs = change(pixels, plane, old, new)
        with presence.writing(runs):
            write(pixels, runs)
        assert presence.highest() >= pixels.max()
    while presence.count_next():
        pass
    assert_true(presence, pixels)


def test_a_write_that_fails_changes_nothing():
    pixels = stack()
    presence = Presence(lambda: pixels)
    while presence.count_next():
        pass
    with pytest.raises(OSError, match="full"), presence.writing(change(pixels, 2, 3, 9)):
        raise OSError("disk full")
    assert_true(presence, pixels)


@pytest.mark.parametrize("step", [Presence.highest, Presence.count_next])
def test_a_plane_that_is_written_while_it_is_counted_is_counted_again(step):
    pixels = stack()
    presence = Presence(lambda: Slow(pixels))
    Slow.reached.clear()
    Slow.go_on.clear()
    thread = threading.Thread(target=step, args=[presence])
    thread.start()
    Slow.reached.wait(5)
    runs = change(pixels, 0, 3, 17)
    with presence.writing(runs):
        write(pixels, runs)
    Slow.go_on.set()
    thread.join(5)
    assert presence.highest() >= 17
    while presence.count_next():
        pass
    assert_true(presence, pixels)


class Slow:
    """Labels whose reading waits, after the pixels were read."""

    reached = threading.Event()
    go_on = threading.Event()

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.shape = pixels, pixels.shape

    def __getitem__(self, where: object) -> np.ndarray:
        found = self.pixels[where].copy()
        if not self.reached.is_set():
            self.reached.set()
            self.go_on.wait(5)
        return found


def test_new_labels_are_known_without_being_read():
    class Unread:
        shape = (200, 2048, 2048)

        def __getitem__(self, where: object) -> np.ndarray:
            raise AssertionError("was read")

    presence = Presence(lambda: Unread(), empty=True)
    assert presence.complete
    assert presence.highest() == 0
    assert presence.elsewhere([1, 2], Plane((1, 2), (7, None, None), (2048, 2048))) == set()


@pytest.mark.parametrize("counted", [0, 2, 5])
def test_an_object_that_goes_on_is_seen_before_all_is_counted(counted):
    pixels = np.zeros(SHAPE, np.int32)
    pixels[1:4, 2:4, 2:4] = 5
    pixels[2, 5, 5] = 6
    presence = Presence(lambda: pixels)
    for _ in range(counted):
        presence.count_next()
    plane = Plane((1, 2), (2, None, None), SHAPE[1:])
    assert presence.elsewhere([5, 6, 7], plane) == {5}
    across = Plane((0, 1), (None, None, 3), SHAPE[:2])
    assert presence.elsewhere([5, 6], across) == {5, 6}
    assert Presence(lambda: pixels[0]).elsewhere([5], Plane((0, 1), (None, None), (6, 7))) == set()


@pytest.mark.parametrize("dtype", ["u1", "i1", ">u2", ">i4", "u8"])
def test_ids_of_every_type(dtype):
    pixels = stack(3).astype(dtype)
    if np.dtype(dtype).kind == "i":
        pixels[0, 0, :3] = -4
    ids, counts = count_ids(pixels)
    expected = np.unique(pixels[pixels != 0], return_counts=True)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(counts, expected[1])
    for wanted in ([], [3], [1, 2, 3, 4, 5, 99], [-4, 1, 2, 3, 5, 10**6]):
        np.testing.assert_array_equal(among(pixels, wanted), np.isin(pixels, wanted))
