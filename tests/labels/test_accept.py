"""A mask is a new object, another outline of one that is there, or nothing to keep."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage as ndi

from napari_sam.errors import LabelsError
from napari_sam.images import Plane
from napari_sam.labels.accept import accept, meet
from napari_sam.labels.change import Origin
from napari_sam.labels.document import Document
from napari_sam.labels.sheet import PlainSheet
from napari_sam.prompts import Prompt

SHAPE = (64, 80)
PLANE = Plane((0, 1), (None, None), SHAPE)


def disc(row: float, column: float, radius: float) -> np.ndarray:
    grid = np.indices(SHAPE) - np.reshape((row, column), (2, 1, 1))
    return (grid**2).sum(axis=0) <= radius**2


def document(labels: np.ndarray | None = None) -> Document:
    pixels = np.zeros(SHAPE, np.int32) if labels is None else labels
    return Document(PlainSheet(pixels, pd.DataFrame({"index": np.empty(0, np.int64)})))


def labelled(*objects: tuple[int, np.ndarray]) -> np.ndarray:
    labels = np.zeros(SHAPE, np.int32)
    for number, mask in objects:
        labels[mask] = number
    return labels


def test_another_outline_of_a_kept_cell_keeps_its_number():
    """The nested outlines that a model offers for one click."""
    labels = labelled((4, disc(20, 20, 10)), (7, disc(20, 45, 10)))
    for mask in (disc(20, 20, 12), disc(20, 20, 8), disc(21, 22, 10), disc(20, 20, 10)):
        assert meet(labels, mask).same == 4
    one = document(labels.copy())
    change = accept(one, PLANE, [disc(20, 20, 13)], "keep")
    assert change.kind == "correct"
    assert change.told == "Corrected cell 4."
    np.testing.assert_array_equal(one.sheet.pixels == 4, disc(20, 20, 13) & (labels != 7))
    np.testing.assert_array_equal(one.sheet.pixels == 7, labels == 7)
    assert set(np.unique(one.sheet.pixels)) == {0, 4, 7}
    one.undo()
    np.testing.assert_array_equal(one.sheet.pixels, labels)


@pytest.mark.parametrize("overlap", ["keep", "overwrite"])
def test_a_smaller_outline_leaves_no_rim(overlap):
    one = document(labelled((4, disc(20, 20, 10))))
    accept(one, PLANE, [disc(20, 20, 8)], overlap)
    np.testing.assert_array_equal(one.sheet.pixels, labelled((4, disc(20, 20, 8))))


def test_the_same_outline_again_changes_nothing_and_says_so():
    one = document(labelled((4, disc(20, 20, 10))))
    with pytest.raises(LabelsError, match="Cell 4 has this outline already"):
        accept(one, PLANE, [disc(20, 20, 10)], "keep")
    assert one.log == ()


def test_what_is_left_between_cells_is_never_kept_unasked():
    cells = [(k + 1, disc(20, 20 + 12 * k, 6.3)) for k in range(3)]
    labels = labelled(*cells)
    whole = ndi.binary_closing(np.pad(labels > 0, 9), iterations=9)[9:-9, 9:-9]
    meeting = meet(labels, whole)
    assert meeting.same == 0
    assert meeting.sliver
    one = document(labels.copy())
    with pytest.raises(LabelsError, match="overwrite"):
        accept(one, PLANE, [whole], "keep")
    np.testing.assert_array_equal(one.sheet.pixels, labels)
    accept(one, PLANE, [whole], "overwrite")
    assert set(np.unique(one.sheet.pixels)) == {0, 4}


def test_a_new_cell_beside_others_takes_what_is_free():
    labels = labelled((4, disc(20, 20, 10)))
    mask = disc(20, 36, 10)
    assert meet(labels, mask).same == 0
    assert not meet(labels, mask).sliver
    one = document(labels.copy())
    accept(one, PLANE, [mask], "keep")
    np.testing.assert_array_equal(one.sheet.pixels == 4, labels == 4)
    np.testing.assert_array_equal(one.sheet.pixels == 5, mask & (labels == 0))


def test_a_cell_around_a_small_one_is_another():
    """A nucleus that was kept before its cell keeps its number and its pixels."""
    labels = labelled((4, disc(30, 30, 4)))
    mask = disc(30, 30, 16)
    assert meet(labels, mask).same == 0
    one = document(labels.copy())
    accept(one, PLANE, [mask], "keep")
    assert int((one.sheet.pixels == 4).sum()) == int((labels == 4).sum())
    assert (one.sheet.pixels == 5).any()


def test_a_part_of_a_large_cell_does_not_shrink_it():
    labels = labelled((4, disc(30, 30, 20)))
    one = document(labels.copy())
    with pytest.raises(LabelsError, match="labelled already"):
        accept(one, PLANE, [disc(30, 30, 5)], "keep")
    np.testing.assert_array_equal(one.sheet.pixels, labels)


def test_labels_that_are_preserved_lose_no_pixel():
    labels = labelled((4, disc(20, 20, 10)))
    one = document(labels.copy())
    with pytest.raises(LabelsError, match="preserve labels"):
        accept(one, PLANE, [disc(20, 20, 8)], "overwrite", preserve=True)
    accept(one, PLANE, [disc(20, 21, 11)], "overwrite", preserve=True)
    np.testing.assert_array_equal(one.sheet.pixels > 0, disc(20, 20, 10) | disc(20, 21, 11))
    assert set(np.unique(one.sheet.pixels)) == {0, 4}


def test_several_masks_are_one_step_and_the_first_wins():
    one = document()
    masks = [disc(20, 20, 8), disc(20, 30, 8), disc(20, 20, 8), disc(50, 60, 5)]
    change = accept(one, PLANE, masks, "keep")
    assert change.told == "Added 3 cells."
    assert change.new_ids == (1, 2, 3)
    np.testing.assert_array_equal(one.sheet.pixels == 1, masks[0])
    assert one.table["index"].tolist() == [1, 2, 3]
    assert one.table["area"].tolist() == [int((one.sheet.pixels == i).sum()) for i in (1, 2, 3)]
    one.undo()
    assert not one.sheet.pixels.any()
    assert len(one.table) == 0


def test_rows_say_where_the_cell_is_whatever_part_was_looked_at():
    one = document(labelled((9, disc(50, 60, 6))))
    accept(one, PLANE, [disc(20, 20, 8)], "keep")
    row = one.table.set_index("index").loc[10]
    assert row["centroid_row"] == pytest.approx(20)
    assert row["centroid_col"] == pytest.approx(20)
    assert (row["r0"], row["c1"]) == (12, 29)
    assert (row["source"], row["reviewed"]) == ("by hand", "accepted")


def test_a_change_knows_what_it_was_made_from():
    one = document()
    origin = Origin(PLANE, (Prompt(points=[(20, 20)]),), "cells")
    accept(one, PLANE, [disc(20, 20, 8)], "keep", origin=origin)
    assert one.log[-1].origin is origin


@pytest.mark.parametrize("mask", [np.zeros(SHAPE, bool), np.zeros((3, 3), bool)])
def test_masks_that_say_nothing_are_refused(mask):
    one = document()
    with pytest.raises(LabelsError):
        accept(one, PLANE, [mask], "keep")
    assert one.log == ()
