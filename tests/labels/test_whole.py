"""Rows of objects in space and of tracks, measured on all their slices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_sam.images import Plane
from napari_sam.labels.change import Change
from napari_sam.labels.document import Document
from napari_sam.labels.measured import rows_of_written
from napari_sam.labels.rows import replace_rows
from napari_sam.labels.sheet import PlainSheet
from napari_sam.labels.table import adopt
from napari_sam.labels.through import cut, delete
from napari_sam.labels.whole import kind_of, measure_whole
from napari_sam.pixel_size import PixelSize
from napari_sam.segmentation import with_units
from napari_sam.stacks.object_table import describe_objects
from napari_sam.stacks.tracks import tracks_of

rng = np.random.default_rng(4)
BLOCKS = np.kron(rng.integers(0, 4, (5, 4, 4)), np.ones((1, 3, 3), int)).astype(np.int32)
BLOCKS[0][BLOCKS[0] == 2] = 0  # a daughter begins after her mother


def nobody(plane: Plane) -> None:
    return None


def test_the_same_as_when_they_were_found() -> None:
    ids = [1, 2, 3]
    expected = describe_objects(BLOCKS)
    found = measure_whole(BLOCKS, ids, "volume", 0)
    shared = [name for name in found if name in expected]
    pd.testing.assert_frame_equal(found[shared], expected[shared], check_dtype=False)
    expected = tracks_of(BLOCKS, {}).table
    found = measure_whole(BLOCKS, ids, "track", 0)
    shared = [name for name in found if name in expected]
    assert {"first", "last", "frames", "area", "path"} <= set(shared)
    pd.testing.assert_frame_equal(found[shared], expected[shared], check_dtype=False)


@pytest.mark.parametrize("axis", [1, 2])
def test_slices_may_lie_along_any_axis(axis: int) -> None:
    turned = np.moveaxis(BLOCKS, 0, axis)
    expected = measure_whole(BLOCKS, [1, 3], "volume", 0)
    pd.testing.assert_frame_equal(measure_whole(turned, [1, 3], "volume", axis), expected)


@pytest.mark.parametrize("kind", ["volume", "track"])
def test_a_change_measures_objects_on_all_slices_and_keeps_what_was_known(kind: str) -> None:
    size = PixelSize(0.5, 0.25, "um", 2.0)
    table = describe_objects(BLOCKS) if kind == "volume" else tracks_of(BLOCKS, {2: 1}).table
    table = with_units(table.assign(score=0.5, mine="kept"), size)
    table.insert(0, "index", table["label"])
    sheet = PlainSheet(BLOCKS.copy(), table)
    document = Document(sheet)
    edit = cut(sheet.pixels, 0, 1, 2, 9)
    change = Change("Cut.", edit.runs)
    document.apply(change)
    document.complete(change, *rows_of_written(document, edit.runs, nobody, edit.ids))
    rows = document.table.set_index("label")
    assert kind_of(document.table) == kind
    fresh = (
        describe_objects(sheet.pixels) if kind == "volume" else tracks_of(sheet.pixels, {}).table
    )
    fresh = with_units(fresh, size).set_index("label")
    for name in set(fresh) - {"score", "source", "parent", "weakest", "path_um"}:
        assert rows.loc[[1, 9, 3], name].tolist() == pytest.approx(
            fresh.loc[[1, 9, 3], name].tolist()
        )
    assert rows.loc[1, "score"] == 0.5
    assert rows.loc[1, "mine"] == "kept"
    assert rows.loc[9, "score"] == 1.0
    document.undo()
    pd.testing.assert_frame_equal(document.table[table.columns], table, check_dtype=False)


def test_columns_of_ones_own_stay_whatever_they_are_called() -> None:
    table = describe_objects(BLOCKS).assign(volume_class=[3, 1, 2], area_of_slide=[1.0, 5.0, 2.0])
    table.insert(0, "index", table["label"])
    document = Document(PlainSheet(BLOCKS.copy(), adopt(table)))
    edit = cut(document.sheet.pixels, 0, 1, 2, 9)
    change = Change("Cut.", edit.runs)
    document.apply(change)
    document.complete(change, *rows_of_written(document, edit.runs, nobody, edit.ids))
    rows = document.table.set_index("label")
    assert rows.loc[[1, 2, 3], "volume_class"].tolist() == [3, 1, 2]
    assert rows.loc[[1, 2, 3], "area_of_slide"].tolist() == [1.0, 5.0, 2.0]


def test_what_is_gone_is_rejected() -> None:
    table = describe_objects(BLOCKS)
    table.insert(0, "index", table["label"])
    document = Document(PlainSheet(BLOCKS.copy(), adopt(table)))
    edit = delete(document.sheet.pixels, 0, [2], 0, 4)
    change = Change("Deleted.", edit.runs, replace_rows(document.table, (), document.table[:0]))
    document.apply(change)
    document.complete(change, *rows_of_written(document, edit.runs, nobody, ()))
    assert document.table.set_index("label").loc[2, "reviewed"] == "rejected"
