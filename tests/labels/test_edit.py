"""Editing labels: nothing but the named objects changes, and every edit can be taken back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels import edit as editing

LABELS = hnp.arrays(
    np.int32, st.tuples(st.integers(4, 12), st.integers(4, 12)), elements=st.integers(0, 4)
)
MASKS = hnp.arrays(bool, (12, 12))


def applied(labels: np.ndarray, edit: editing.Edit) -> np.ndarray:
    """Apply an edit, having checked what holds for every edit."""
    before = labels.copy()
    assert len(edit) > 0
    assert (edit.before != edit.after).all()
    np.testing.assert_array_equal(labels[edit.rows, edit.columns], edit.before)
    after = labels.copy()
    edit.apply(after)
    untouched = np.ones(labels.shape, bool)
    untouched[edit.rows, edit.columns] = False
    np.testing.assert_array_equal(after[untouched], before[untouched])
    ids, left = set(np.unique(before)) - {0}, set(np.unique(after)) - {0}
    assert set(edit.gone) == ids - left
    assert set(edit.new) == left - ids
    same = {i for i in ids & left if np.array_equal(before == i, after == i)}
    assert set(edit.changed) == (ids & left) - same
    back = after.copy()
    edit.revert(back)
    np.testing.assert_array_equal(back, before)
    return after


@given(LABELS, st.sets(st.integers(1, 5)))
def test_delete_removes_these_and_nothing_else(labels, ids):
    if not np.isin(labels, list(ids)).any():
        with pytest.raises(LabelsError, match="no such cell"):
            editing.delete(labels, ids)
        return
    after = applied(labels, editing.delete(labels, ids))
    np.testing.assert_array_equal(after, np.where(np.isin(labels, list(ids)), 0, labels))


@given(LABELS, st.lists(st.integers(1, 4), min_size=2, max_size=4, unique=True))
def test_merge_keeps_the_first_id(labels, ids):
    if not set(ids) <= set(np.unique(labels)):
        with pytest.raises(LabelsError, match="There is no cell"):
            editing.merge(labels, ids)
        return
    after = applied(labels, editing.merge(labels, ids))
    np.testing.assert_array_equal(after, np.where(np.isin(labels, ids), ids[0], labels))


@given(LABELS, st.data())
def test_split_divides_an_object_between_two_of_its_pixels(labels, data):
    pixels = np.argwhere(labels == 2)
    if len(pixels) < 2:
        return
    one, two = data.draw(
        st.lists(st.sampled_from(range(len(pixels))), min_size=2, max_size=2, unique=True)
    )
    after = applied(labels, editing.split(labels, 2, tuple(pixels[one]), tuple(pixels[two]), 9))
    np.testing.assert_array_equal(np.isin(after, (2, 9)), labels == 2)
    assert {after[tuple(pixels[one])], after[tuple(pixels[two])]} == {2, 9}
    assert (after == 2).sum() >= (after == 9).sum()


@settings(max_examples=200)
@given(LABELS, st.lists(st.tuples(st.floats(-3, 14), st.floats(-3, 14)), min_size=2, max_size=4))
def test_cut_never_touches_another_object(labels, line):
    if not (labels == 2).any():
        return
    try:
        edit = editing.cut(labels, 2, line, 9)
    except LabelsError:
        return
    after = applied(labels, edit)
    pieces = [i for i in np.unique(after) if i == 2 or i >= 9]
    np.testing.assert_array_equal(np.isin(after, pieces), labels == 2)
    assert pieces == [2, *range(9, 9 + len(pieces) - 1)]
    assert (after == 2).sum() == max((after == i).sum() for i in pieces)


@given(LABELS, MASKS, st.integers(1, 6), st.sampled_from(["keep", "overwrite"]))
def test_replace_gives_the_id_another_shape(labels, mask, object_id, overlap):
    mask = mask[: labels.shape[0], : labels.shape[1]]
    wanted = mask & np.isin(labels, (0, object_id)) if overlap == "keep" else mask
    try:
        edit = editing.replace(labels, object_id, mask, overlap)
    except LabelsError:
        assert not wanted.any() or np.array_equal(wanted, labels == object_id)
        return
    after = applied(labels, edit)
    np.testing.assert_array_equal(after == object_id, wanted)
    others = np.where(labels == object_id, 0, labels)
    np.testing.assert_array_equal(after[~wanted], others[~wanted])


def dumbbell() -> np.ndarray:
    """Two discs that touch: what a segmentation takes for one cell."""
    rows, columns = np.ogrid[:40, :60]
    joined = (rows - 20) ** 2 + (columns - 18) ** 2 <= 144
    joined |= (rows - 20) ** 2 + (columns - 40) ** 2 <= 121
    return joined.astype(np.uint16) * 7


def test_a_split_runs_through_the_waist():
    labels = dumbbell()
    after = applied(labels, editing.split(labels, 7, (20, 12), (22, 44), 8))
    columns = np.nonzero(after == 8)[1]
    assert columns.min() >= 27
    assert np.nonzero(after == 7)[1].max() <= 32


def test_a_line_that_stops_inside_cuts_all_the_same():
    labels = dumbbell()
    after = applied(labels, editing.cut(labels, 7, [(16, 29), (24, 29)], 8))
    assert set(np.unique(after[:, :28])) == {0, 7}
    assert set(np.unique(after[:, 32:])) == {0, 8}


def test_a_line_across_both_arms_makes_three_cells():
    labels = np.zeros((40, 60), np.uint8)
    labels[5:35, 5:55] = 7
    labels[5:25, 20:35] = 0  # the arm on the right is the wider one
    after = applied(labels, editing.cut(labels, 7, [(15, 0), (15, 59)], 8))
    assert (after[20:35, 5:55] == labels[20:35, 5:55]).all()  # the largest part keeps its id
    assert set(np.unique(after[5:13, 5:20])) == {9}
    assert set(np.unique(after[5:13, 35:55])) == {8}
    np.testing.assert_array_equal(after > 0, labels > 0)


def test_a_line_beside_the_cell_says_so():
    with pytest.raises(LabelsError, match="right across"):
        editing.cut(dumbbell(), 7, [(2, 2), (2, 50)], 8)
    with pytest.raises(LabelsError, match="right across"):
        editing.cut(dumbbell(), 7, [(20, 20), (20, 20)], 8)


def test_what_was_apart_before_a_cut_stays_with_the_larger_part():
    labels = dumbbell()
    labels[2:6, 2:6] = 7
    after = applied(labels, editing.cut(labels, 7, [(0, 30), (39, 30)], 8))
    assert (after[2:6, 2:6] == 7).all()


def test_clicks_in_two_cells_do_not_split():
    labels = dumbbell()
    for second in ((0, 0), (99, 2), (20, 12)):
        with pytest.raises(LabelsError):
            editing.split(labels, 7, (20, 12), second, 8)
    with pytest.raises(LabelsError, match="not free"):
        editing.split(labels, 7, (20, 12), (20, 44), 7)


@given(st.permutations([0, 1, 2]), st.integers(0, 2))
def test_an_edit_lands_on_its_plane_of_a_stack_only(order, position):
    """Axes in any order: index arrays of the stack's data, as a Labels layer takes them."""
    hidden, *axes = order
    index = tuple(position if axis == hidden else None for axis in range(3))
    shape = tuple(5 + axis for axis in range(3))
    plane = Plane(tuple(axes), index, (shape[axes[0]], shape[axes[1]]))
    data = np.zeros(shape, np.int32)
    expected = data.copy()
    labels = plane.take(data).copy()
    mask = np.zeros(labels.shape, bool)
    mask[1:3, 2:4] = True
    edit = editing.replace(labels, 3, mask)
    data[plane.locate(edit.rows, edit.columns)] = edit.after
    taken = expected[plane.slices]
    (taken.T if plane.transposed else taken)[1:3, 2:4] = 3
    np.testing.assert_array_equal(data, expected)


@pytest.mark.parametrize("far", [100, 1e4, 1e9])
def test_a_line_from_far_away_cuts_like_a_near_one(far):
    labels = dumbbell()
    after = applied(labels, editing.cut(labels, 7, [(-far, 29), (far, 29)], 8))
    near = applied(labels, editing.cut(labels, 7, [(-5, 29), (45, 29)], 8))
    np.testing.assert_array_equal(after, near)


NOTHING = [None, "a", [(1, 2)], [(1, 2, 3), (4, 5, 6)], [(1, np.nan), (9, 9)], [(1,), (2, 3)]]


@pytest.mark.parametrize("line", [*NOTHING, [(4, 4), (4, -1e155)], [(0, 0)] * 20_000])
def test_what_is_no_line_cuts_nothing(line):
    with pytest.raises(LabelsError):
        editing.cut(dumbbell(), 7, line, 8)


@pytest.mark.parametrize(
    "change",
    [
        lambda labels: editing.delete(labels, None),
        lambda labels: editing.delete(labels, ["7"]),
        lambda labels: editing.delete(labels, [7.5]),
        lambda labels: editing.delete(labels, [-7]),
        lambda labels: editing.delete(labels[None], [7]),
        lambda labels: editing.delete(labels.astype(float), [7]),
        lambda labels: editing.delete(labels > 0, [1]),
        lambda labels: editing.merge(labels, 7),
        lambda labels: editing.merge(labels, [7, 2**70]),
        lambda labels: editing.split(labels, 7, (20, 12), None, 8),
        lambda labels: editing.split(labels, 7, (20, 12), (np.inf, 4), 8),
        lambda labels: editing.split(labels, 7, (20, 12), [(20, 44), (20, 40)], 8),
        lambda labels: editing.split(labels, 7, (20, 12), (20, 44), 0),
        lambda labels: editing.split(labels, 7, (20, 12), (20, 44), 1.5),
        lambda labels: editing.split(labels, 7, (20, 12), (20, 44), 2**16),  # they are uint16
        lambda labels: editing.split(labels, None, (20, 12), (20, 44), 8),
        lambda labels: editing.replace(labels, 7, None),
        lambda labels: editing.replace(labels, 7, labels),
        lambda labels: editing.replace(labels, 7, np.ones((3, 3), bool)),
        lambda labels: editing.replace(labels, 9, labels == 0, "unknown"),
        lambda labels: editing.replace(labels, np.nan, labels == 0),
    ],
)
def test_what_makes_no_sense_changes_nothing(change):
    labels = dumbbell()
    with pytest.raises(LabelsError):
        change(labels)


def test_an_edit_is_written_only_where_it_fits():
    edit = editing.replace(dumbbell().astype(np.int32), 300, np.eye(40, 60) > 0)
    locked = dumbbell()
    locked.flags.writeable = False
    for labels in (locked, dumbbell().astype(np.uint8), dumbbell()[:9], dumbbell().tolist(), None):
        with pytest.raises(LabelsError):
            edit.apply(labels)
