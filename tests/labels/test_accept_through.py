"""An object through slices becomes one object of the labels, in one step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels.accept_through import accept_family, accept_through, number_of
from napari_sam.labels.document import Document
from napari_sam.labels.measured import rows_of_written
from napari_sam.labels.sheet import PlainSheet
from napari_sam.regions import Region

SHAPE = (6, 30, 32)


def document(labels: np.ndarray) -> Document:
    return Document(PlainSheet(labels, pd.DataFrame({"index": np.empty(0, np.int64)})))


def plane(z: int) -> Plane:
    return Plane((1, 2), (z, None, None), SHAPE[1:])


def box(top: int = 5, left: int = 6, size: int = 8) -> Region:
    return Region(np.ones((size, size), bool), top, left)


def volume(regions: dict[Plane, Region]) -> np.ndarray:
    found = np.zeros(SHAPE, bool)
    for at, region in regions.items():
        found[at.index[0]] = region.on(SHAPE[1:])
    return found


def test_daughters_come_in_the_same_step_and_the_first_of_two_that_overlap_has_the_pixels() -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[0, 5:13, 6:14] = 4
    before, one = labels.copy(), document(labels)
    mother = {plane(z): box() for z in range(3)}
    left, right = ({plane(z): box(left=at) for z in range(3, 6)} for at in (2, 8))
    change, ids = accept_family(one, [mother, left, right], "keep", number=4)
    assert ids == (4, 5, 6)
    assert change.told == "Corrected cell 4 on 2 slices, and its daughters 5 and 6."
    np.testing.assert_array_equal(labels == 4, volume(mother))
    np.testing.assert_array_equal(labels == 5, volume(left))
    np.testing.assert_array_equal(labels == 6, volume(right) & ~volume(left))
    one.undo()
    np.testing.assert_array_equal(labels, before)


def test_all_slices_get_one_number_and_one_undo_takes_it_back() -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[3, 20:28, 20:28] = 4
    before, one = labels.copy(), document(labels)
    regions = {plane(z): box(4 + z, 6) for z in range(1, 5)}
    change = accept_through(one, regions, "keep")
    assert (change.new_ids, change.kind, change.told) == (
        (5,),
        "propagate",
        "Added cell 5 on 4 slices.",
    )
    np.testing.assert_array_equal(labels == 5, volume(regions))
    np.testing.assert_array_equal(labels == 4, before == 4)
    assert len(one.log) == 1
    one.undo()
    np.testing.assert_array_equal(labels, before)
    one.redo()
    np.testing.assert_array_equal(labels == 5, volume(regions))


@settings(max_examples=60, deadline=None)
@given(
    order=st.permutations(range(4)),
    at=st.tuples(*[st.integers(0, 2)] * 4),
    tops=st.lists(st.integers(-3, 9), min_size=1, max_size=3),
    overlap=st.sampled_from(["keep", "overwrite"]),
    preserve=st.booleans(),
    seed=st.integers(0, 99),
)
def test_nothing_changes_but_the_object_on_its_slices(
    order: list[int],
    at: tuple[int, ...],
    tops: list[int],
    overlap: str,
    preserve: bool,
    seed: int,
) -> None:
    """Axes in any order, another axis fixed, neighbours anywhere: exactly those pixels."""
    sizes = (3, 3, 11, 13)
    labels = np.zeros([sizes[axis] for axis in order], np.int16)
    rng = np.random.default_rng(seed)
    straight = labels.transpose(np.argsort(order))
    straight[:, :, rng.integers(0, 8) :, rng.integers(0, 8) :] = 3
    straight[:, :, :2, :3] = 9
    before, one = straight.copy(), document(labels)
    regions, wanted = {}, np.zeros(sizes, bool)
    for z, top in enumerate(tops):
        index: list[int | None] = [at[0], z, None, None]
        moved = tuple(index[axis] for axis in order)
        rows, columns = order.index(2), order.index(3)
        here = Plane((rows, columns), moved, (11, 13))
        mask = np.zeros((11, 13), bool)
        mask[max(top, 0) : top + 6, 2:9] = True
        regions[here] = Region.of(mask)
        wanted[at[0], z] = mask
    try:
        change = accept_through(one, regions, overlap, preserve=preserve)
    except LabelsError:
        np.testing.assert_array_equal(straight, before)
        return
    new = straight == 10
    assert change.new_ids == (10,)
    assert not (new & ~wanted).any()
    np.testing.assert_array_equal(straight[~new], before[~new])
    if overlap == "keep" or preserve:
        assert not (new & (before != 0)).any()
    else:
        np.testing.assert_array_equal(new, wanted)
    one.undo()
    np.testing.assert_array_equal(straight, before)


def test_an_object_that_is_there_gets_new_outlines_and_ends_where_it_is_taken_off() -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[1:6, 5:13, 6:14] = 2
    one = document(labels)
    assert number_of(one, {plane(3): box(5, 7)}) == 2
    assert number_of(one, {plane(0): box()}) == 0
    regions = {plane(2): box(8, 10), plane(5): Region(np.zeros((0, 0), bool))}
    change = accept_through(one, regions, "keep", number=2)
    assert change.told == "Corrected cell 2 on 2 slices."
    np.testing.assert_array_equal(labels[2] == 2, box(8, 10).on(SHAPE[1:]))
    assert not labels[5].any()
    assert (labels[[1, 3, 4]] == 2).sum() == 3 * 64
    with pytest.raises(LabelsError, match="outlines already"):
        accept_through(one, regions, "keep", number=2)


def test_what_others_have_left_over_is_no_object() -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[2, 5:12, 6:14] = 7  # all but a rim
    one = document(labels)
    accept_through(one, {plane(1): box(), plane(2): box()}, "keep")
    assert (labels[1] == 8).sum() == 64
    assert not (labels[2] == 8).any()
    with pytest.raises(LabelsError, match="labelled already"):
        accept_through(one, {plane(2): box()}, "keep")


def test_locked_and_small_labels_are_left_as_they_are() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, 0, 0] = 255
    one = document(labels)
    with pytest.raises(LabelsError, match="255"):
        accept_through(one, {plane(1): box()}, "keep")
    with pytest.raises(LabelsError, match="on no slice"):
        accept_through(one, {plane(1): Region(np.zeros((0, 0), bool))}, "keep", number=3)
    assert labels.sum() == 255
    assert not one.log


def test_rows_tell_of_the_slice_where_an_object_is_largest() -> None:
    labels = np.zeros(SHAPE, np.int32)
    labels[:, 20:28, 20:28] = 4
    one = document(labels)
    regions = {plane(z): box(18, 18, size) for z, size in ((1, 5), (2, 9), (3, 7))}
    change = accept_through(one, regions, "overwrite")
    rows, ids = rows_of_written(one, change.pixels, lambda at: None, change.new_ids)
    assert ids == (4, 5)
    assert one.sheet.pixels is labels
    one.complete(change, rows, ids)
    table = one.table.set_index("index")
    assert (table.loc[5, "axis_0"], table.loc[5, "area"]) == (2, 81)
    assert table.loc[5, "source"] == "by hand"
    assert table.loc[4, "area"] == np.count_nonzero(labels[int(table.loc[4, "axis_0"])] == 4)
    one.undo()
    assert 5 not in list(one.table["index"])
    np.testing.assert_array_equal(np.unique(labels), [0, 4])
