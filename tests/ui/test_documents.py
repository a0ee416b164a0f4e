"""One log per layer: whatever page or tool writes, every step comes back exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import zarr
from napari.layers import Labels

from fake_model import blobs
from napari_sam.errors import LabelsError
from napari_sam.labels.levels import LabelLevels
from napari_sam.labels.storage import gone
from napari_sam.regions import Region
from napari_sam.segmentation import Candidates
from napari_sam.ui.labels_layer.layer_document import document_of
from napari_sam.ui.labels_layer.moment import Moment

STACK = blobs((6, 64, 80), ((3, 20, 50), (3, 44, 20)), radius=6)
CENTRES = [(row, column) for row in (10, 26, 42, 56) for column in (10, 28, 46, 64)]
PLANE = blobs((64, 80), tuple(CENTRES), radius=5)


def accept_at(bench, *world):
    bench.click(*world)
    bench.settle()
    bench.cells.accept()
    bench.settle()


def show(bench, image, *, at: int | None = None):
    layer = bench.viewer.add_image(image, name="image")
    if at is not None:
        bench.viewer.dims.set_point(0, at)
    bench.settle()
    return layer


def target(bench, data: Any, **extra) -> Labels:
    layer = bench.viewer.add_labels(data, name="mine", **extra)
    bench.session.layers.choose("target", layer)
    bench.viewer.layers.selection.active = bench.viewer.layers["image"]
    bench.settle()
    return layer


def state(layer) -> tuple[np.ndarray, pd.DataFrame]:
    return np.array(layer.data[:]), layer.features.copy()


def assert_state(layer, expected) -> None:
    np.testing.assert_array_equal(np.asarray(layer.data[:]), expected[0])
    pd.testing.assert_frame_equal(layer.features, expected[1], check_dtype=False)


# -- one step is one step, whatever is shown ---------------------------------------------------


@pytest.fixture
def reviewed(bench):
    """Two cells of a stack kept, then reviewed; one of them deleted, then painted upon."""
    show(bench, STACK, at=3)
    bench.labels = target(bench, np.zeros(STACK.shape, np.int32))
    accept_at(bench, 3, 20, 50)
    accept_at(bench, 3, 44, 20)
    bench.session.set_tool("review")
    bench.settle()
    bench.kept = state(bench.labels)
    assert bench.review.edit(lambda editing: editing.delete([1]))
    bench.deleted = state(bench.labels)
    return bench


HAPPENINGS = {
    "image removed": lambda bench: bench.viewer.layers.remove("image"),
    "3-D": lambda bench: setattr(bench.viewer.dims, "ndisplay", 3),
    "another slice": lambda bench: bench.viewer.dims.set_point(0, 1),
    "another image": lambda bench: bench.session.layers.choose(
        "image", bench.viewer.add_image(blobs(), name="other")
    ),
    "image scaled": lambda bench: setattr(bench.viewer.layers["image"], "scale", (1, 2, 2)),
    "hidden": lambda bench: setattr(bench.labels, "visible", False),
    "locked and unlocked": lambda bench: (
        setattr(bench.labels, "editable", False),
        setattr(bench.labels, "editable", True),
    ),
    "other axes": lambda bench: setattr(bench.viewer.dims, "order", (1, 0, 2)),
    "click page": lambda bench: bench.session.set_tool("click"),
}


@pytest.mark.parametrize("happening", HAPPENINGS)
@pytest.mark.parametrize("by", ["page", "layer"])
def test_an_undo_takes_back_one_step_whatever_is_shown(reviewed, happening, by):
    layer = reviewed.labels
    HAPPENINGS[happening](reviewed)
    reviewed.settle()
    layer.brush_size = 5
    layer.paint((2, 50, 60), 9)
    reviewed.settle()
    painted = state(layer)
    page = reviewed.cells if happening == "click page" else reviewed.review
    undo = page.undo if by == "page" else layer.undo
    redo = reviewed.review.redo if by == "page" else layer.redo
    undo()
    np.testing.assert_array_equal(layer.data, reviewed.deleted[0])
    undo()
    assert_state(layer, reviewed.kept)
    redo()
    np.testing.assert_array_equal(layer.data, reviewed.deleted[0])
    redo()
    np.testing.assert_array_equal(layer.data, painted[0])


def test_a_locked_layer_is_not_changed_and_loses_no_step(reviewed):
    reviewed.labels.editable = False
    reviewed.review.undo()
    assert_state(reviewed.labels, reviewed.deleted)
    assert "locked" in reviewed.state.status
    reviewed.labels.editable = True
    reviewed.review.undo()
    assert_state(reviewed.labels, reviewed.kept)


def test_105_cells_come_back_one_by_one_from_the_click_page(bench):
    """napari keeps a hundred steps, and none of a layer that was locked."""
    show(bench, PLANE)
    layer = target(bench, np.zeros(PLANE.shape, np.int32))
    bench.cells.set_overlap("overwrite")
    states = [np.array(layer.data)]
    for number in range(105):
        row, column = CENTRES[number % len(CENTRES)]
        size = 3 + number // len(CENTRES) % 3
        mask = np.zeros(PLANE.shape, bool)
        mask[row - size : row + size, column - size : column + size] = True
        mask[row, column] = number % 2 == 0
        bench.click(row, column)
        bench.settle()
        answer = bench.state.answer
        told = answer.found[0]
        said = Candidates(mask[None], told.scores[:1], told.logits[:1], told.window)
        bench.state.answer = replace(answer, found=(said,))
        bench.cells.accept()
        assert not bench.state.problem, bench.state.status
        states.append(np.array(layer.data))
        if number == 50:
            layer.editable = False
            layer.editable = True
    for expected in states[-2::-1]:
        bench.cells.proposal.clear()  # marks that came back would be taken first
        assert bench.state.kept
        bench.cells.undo()
        np.testing.assert_array_equal(layer.data, expected)
    bench.cells.proposal.clear()
    assert not bench.state.kept
    bench.cells.undo()
    assert "nothing to undo" in bench.state.status
    for expected in states[1:]:
        layer.redo()
        np.testing.assert_array_equal(layer.data, expected)


def everything(bench, layer, number: int) -> None:
    """Write once more, each time by another page or tool."""
    review, session = bench.review, bench.session
    ids = [int(i) for i in np.unique(layer.data) if i]
    row, column = CENTRES[number % len(CENTRES)]
    kind = number % 7
    if kind == 0 or len(ids) < 3:
        session.set_tool("click")
        accept_at(bench, row, column)
        bench.cells.proposal.clear()  # marks of what could not be kept
    elif kind == 1:
        layer.brush_size = 3 + number % 4
        layer.paint((row + 4, column + 4), 40 + number)
    elif kind == 2:
        layer.fill((row, column), 60 + number)
    elif kind == 3:
        session.set_tool("review")
        review.edit(lambda editing: editing.delete([ids[0]]))
    elif kind == 4:
        session.set_tool("review")
        review.edit(lambda editing: editing.merge(ids[:2]))
    elif kind == 5:
        session.set_tool("review")
        review.edit(lambda editing: editing.accept(ids[-1:]))
    else:
        session.set_tool("find")
        session.layers.choose("merge", layer)
        bench.find.start()
        bench.settle()
        bench.find.following.forget()
    bench.settle()


def test_105_writes_of_every_kind_come_back_one_by_one(bench):
    show(bench, PLANE)
    layer = target(bench, np.zeros(PLANE.shape, np.int32))
    document = document_of(layer)
    states, number = [state(layer)], 0
    while len(document.log) < 105:
        before = len(document.log)
        everything(bench, layer, number)
        number += 1
        assert len(document.log) <= before + 1
        if len(document.log) > before:
            states.append(state(layer))
    kinds = {change.kind for change in document.log}
    assert {"accept", "paint", "delete", "merge", "mark", "search"} <= kinds
    bench.session.set_tool("review")
    bench.settle()
    review = bench.review
    for number, (pixels, table) in enumerate(states[-2:0:-1]):
        (layer.undo if number % 2 else review.undo)()
        assert_state(layer, (pixels, table))
    review.undo()
    np.testing.assert_array_equal(layer.data, states[0][0])
    assert len(layer.features) == 0
    for number, (pixels, _) in enumerate(states[1:]):
        (layer.redo if number % 2 else review.redo)()
        np.testing.assert_array_equal(layer.data, pixels)
    pd.testing.assert_frame_equal(layer.features, states[-1][1], check_dtype=False)


# -- hidden, locked, strange: whole, or not at all ---------------------------------------------


@pytest.mark.parametrize("page", ["accept", "find", "delete"])
def test_a_hidden_layer_is_written_whole_with_its_step(bench, page):
    show(bench, PLANE)
    layer = target(bench, np.zeros(PLANE.shape, np.int32))
    accept_at(bench, *CENTRES[0])
    before = state(layer)
    layer.visible = False
    if page == "accept":
        accept_at(bench, *CENTRES[5])
    elif page == "find":
        bench.session.layers.choose("merge", layer)
        bench.find.start()
        bench.settle()
    else:
        bench.session.set_tool("review")
        bench.review.edit(lambda editing: editing.delete([1]))
    bench.settle()
    assert not np.array_equal(layer.data, before[0])
    assert not bench.state.problem
    layer.undo()
    assert_state(layer, before)


@pytest.mark.parametrize("column", ["source", "score", "reviewed", "index"])
def test_a_table_of_categories_stops_no_edit(bench, column):
    """FAULTS of the kind: the pixels changed, the table did not, undo found nothing."""
    show(bench, PLANE)
    data = np.zeros(PLANE.shape, np.int32)
    for number in (1, 2, 3):
        row, place = CENTRES[number]
        data[row - 4 : row + 4, place - 4 : place + 4] = number
    table = pd.DataFrame({"index": [1, 2, 3], "theirs": pd.Categorical(["x", "y", "x"])})
    table[column] = pd.Categorical(table["index"] if column == "index" else [0.1, 0.2, 0.3])
    layer = target(bench, data, features=table)
    bench.session.set_tool("review")
    bench.settle()
    review = bench.review
    states = [state(layer)]
    for edit in (
        lambda editing: editing.merge([1, 2]),
        lambda editing: editing.accept([3]),
        lambda editing: editing.delete([3]),
    ):
        assert review.edit(edit), bench.state.status
        states.append(state(layer))
    assert set(np.unique(layer.data)) == {0, 1}
    assert layer.features["theirs"].tolist()[0] == "x"
    for expected in states[-2:0:-1]:
        review.undo()
        assert_state(layer, expected)
    review.undo()
    np.testing.assert_array_equal(layer.data, states[0][0])
    assert layer.features["theirs"].tolist() == ["x", "y", "x"]


def test_labels_that_cannot_be_written_are_refused_before_anything_happens(bench):
    show(bench, PLANE)
    lazy = bench.viewer.add_labels(da.zeros(PLANE.shape, dtype=np.int32, chunks=32), name="lazy")
    pyramid = bench.viewer.add_labels(
        [np.zeros(PLANE.shape, np.int32), np.zeros((22, 31), np.int32)], name="pyramid"
    )
    frozen = np.zeros(PLANE.shape, np.int32)
    frozen.flags.writeable = False
    frozen = bench.viewer.add_labels(frozen, name="frozen")
    for layer, reason in ((lazy, "dask"), (pyramid, "does not fit"), (frozen, "read-only")):
        bench.state.target = layer
        bench.click(*CENTRES[0])
        bench.settle()
        bench.cells.accept()
        assert bench.state.problem
        assert reason in bench.state.status
        assert bench.state.answer is not None
        bench.cells.proposal.clear()
    assert not np.asarray(lazy.data).any()
    assert not np.asarray(pyramid.data[0]).any()


def test_a_stroke_that_napari_could_not_write_is_no_step(bench):
    show(bench, PLANE)
    frozen = np.zeros(PLANE.shape, np.int32)
    layer = target(bench, frozen)
    frozen.flags.writeable = False
    document = document_of(layer)
    with pytest.raises(ValueError, match="read-only"):
        layer.paint((20, 20), 5)
    document.sync()
    assert document.log == ()


@pytest.mark.parametrize("compressed", [True, False])
def test_zarr_labels_work_with_undo(bench, tmp_path, compressed):
    show(bench, STACK, at=3)
    kwargs = {} if compressed else {"compressors": None}
    data = zarr.create_array(
        tmp_path / "labels.zarr", shape=STACK.shape, chunks=(1, 32, 32), dtype="i4", **kwargs
    )
    layer = target(bench, data)
    accept_at(bench, 3, 20, 50)
    assert data[3, 20, 50] == 1
    accept_at(bench, 3, 44, 20)
    bench.session.layers.choose("merge", layer)
    bench.viewer.dims.set_point(0, 2)
    bench.settle()
    bench.find.start()
    bench.settle()
    assert np.unique(data[2]).tolist() == [0, 3, 4]
    bench.session.set_tool("review")
    bench.settle()
    assert bench.review.edit(lambda editing: editing.delete([3]))
    np.testing.assert_array_equal(layer._slice.image.raw, data[2])
    for expected in ([0, 3, 4], [0]):
        layer.undo()
        assert np.unique(data[2]).tolist() == expected
    layer.undo()
    layer.undo()
    assert not data[:].any()
    for _ in range(4):
        layer.redo()
    assert np.unique(data[:]).tolist() == [0, 1, 2, 4]


@pytest.mark.parametrize(
    # napari itself shows no >i4
    "dtype",
    ["u1", "i1", "<u2", ">u2", "<i2", ">i2", "<i4", "<u4", "<i8", "u8"],
)
def test_every_integer_type_gets_the_id_that_was_meant(bench, dtype):
    show(bench, PLANE)
    layer = target(bench, np.zeros(PLANE.shape, dtype))
    assert layer.data.dtype == np.dtype(dtype)
    accept_at(bench, *CENTRES[0])
    accept_at(bench, *CENTRES[5])
    assert set(np.unique(layer.data).tolist()) == {0, 1, 2}
    layer.paint((2, 70), 3)
    bench.settle()
    bench.session.layers.choose("merge", layer)
    bench.find.start()
    bench.settle()
    assert set(np.unique(layer.data).tolist()) == set(range(len(CENTRES) + 2))
    for _ in range(4):
        layer.undo()
    assert not layer.data.any()


def test_preserved_labels_lose_nothing_to_any_page(bench):
    show(bench, PLANE)
    data = np.zeros(PLANE.shape, np.int32)
    data[5:11, 5:16] = 1
    layer = target(bench, data)
    layer.preserve_labels = True
    before = layer.data.copy()
    bench.cells.set_overlap("overwrite")
    accept_at(bench, *CENTRES[0])
    bench.session.layers.choose("merge", layer)
    bench.find.start()
    bench.settle()
    bench.session.set_tool("review")
    bench.settle()
    mask = np.zeros(PLANE.shape, bool)
    mask[3:9, 3:30] = True
    new = int(layer.data.max())
    bench.review.edit(lambda editing: editing.replace(new, Region.of(mask), "overwrite"))
    np.testing.assert_array_equal(layer.data[before == 1], 1)


# -- marks, slivers, other panels --------------------------------------------------------------


def test_marks_wait_for_their_image_and_labels_come_back_at_once(bench):
    image = show(bench, PLANE)
    accept_at(bench, *CENTRES[0])
    labels = bench.viewer.layers["image cells"]
    other = bench.viewer.add_image(STACK, name="stack")
    bench.session.layers.choose("image", other)
    bench.settle()
    bench.cells.undo()
    bench.settle()
    assert not labels.data.any()
    assert not bench.state.problem
    bench.session.layers.choose("image", image)
    bench.settle()
    assert bench.state.answer is not None  # the mark is back
    np.testing.assert_allclose(bench.model.prompts[-1].points, [CENTRES[0]])


def test_a_kept_cell_that_is_clicked_again_keeps_its_number_and_gets_no_rim(bench):
    show(bench, PLANE)
    accept_at(bench, *CENTRES[0])
    labels = bench.viewer.layers["image cells"]
    accept_at(bench, *CENTRES[1])
    area = int((labels.data == 1).sum())
    bench.click(*CENTRES[0])  # takes it in hand
    bench.settle()
    bench.click(*CENTRES[0])
    bench.settle()
    bench.cells.proposal.choose(1)  # the wider one
    bench.cells.accept()
    bench.settle()
    assert set(np.unique(labels.data).tolist()) == {0, 1, 2}
    assert int((labels.data == 1).sum()) > area
    assert "Corrected cell 1" in bench.state.status
    bench.cells.undo()
    assert int((labels.data == 1).sum()) == area


def test_two_panels_share_the_log_of_a_layer(make_bench):
    one = make_bench()
    show(one, PLANE)
    two = make_bench(one.viewer)
    layer = target(one, np.zeros(PLANE.shape, np.int32))
    two.session.layers.choose("target", layer)
    two.settle()
    two.session.set_active(False)
    accept_at(one, *CENTRES[0])
    once = state(layer)
    one.session.set_active(False)
    two.session.set_active(True)
    accept_at(two, *CENTRES[1])
    assert set(np.unique(layer.data).tolist()) == {0, 1, 2}
    two.session.close()
    layer.undo()
    np.testing.assert_array_equal(layer.data, once[0])


def test_what_was_painted_before_can_be_undone_after_our_steps(bench):
    show(bench, PLANE)
    layer = bench.viewer.add_labels(np.zeros(PLANE.shape, np.int32), name="mine")
    layer.brush_size = 4
    layer.paint((30, 70), 5)
    painted = layer.data.copy()
    bench.session.layers.choose("target", layer)
    accept_at(bench, *CENTRES[0])
    bench.cells.undo()
    np.testing.assert_array_equal(layer.data, painted)
    bench.cells.proposal.clear()
    bench.cells.undo()  # not ours to take back from the panel
    np.testing.assert_array_equal(layer.data, painted)
    layer.undo()
    assert not layer.data.any()
    layer.redo()
    np.testing.assert_array_equal(layer.data, painted)


def test_a_closed_panel_leaves_napari_a_history_that_fits(bench):
    show(bench, PLANE)
    layer = target(bench, np.zeros(PLANE.shape, np.int32))
    states = [layer.data.copy()]
    accept_at(bench, *CENTRES[0])
    states.append(layer.data.copy())
    layer.paint((30, 70), 5)
    bench.settle()
    layer.undo()  # what napari remembers of it must not be replayed
    accept_at(bench, *CENTRES[1])
    states.append(layer.data.copy())
    bench.session.close()
    assert document_of(layer) is None
    for expected in states[-2::-1]:
        layer.undo()
        np.testing.assert_array_equal(layer.data, expected)
    layer.redo()
    np.testing.assert_array_equal(layer.data, states[1])


def test_a_removed_layer_gets_its_own_undo_back(bench):
    show(bench, PLANE)
    accept_at(bench, *CENTRES[0])
    layer = bench.viewer.layers["image cells"]
    bench.viewer.layers.remove(layer)
    assert document_of(layer) is None
    assert not bench.state.kept
    layer.undo()
    assert not layer.data.any()


def test_a_step_in_the_log_knows_what_it_was_made_from(bench):
    show(bench, STACK, at=3)
    accept_at(bench, 3, 20, 50)
    change = document_of(bench.viewer.layers["image cells"]).last
    assert change.kind == "accept"
    assert change.origin.plane.index == (3, None, None)
    assert change.origin.model == "cells"
    np.testing.assert_allclose(change.origin.prompts[0].points, [(20, 50)])


def test_exchanged_data_are_refused_by_a_change_of_the_former(bench):
    show(bench, PLANE)
    layer = target(bench, np.zeros(PLANE.shape, np.int32))
    accept_at(bench, *CENTRES[0])
    document = document_of(layer)
    change = document.last
    layer.data = np.zeros((10, 10), np.int32)
    assert not document.can_undo or document.undo() is None
    with pytest.raises(LabelsError, match="shape"):
        document.apply(change)


def test_a_moment_stands_until_labels_are_painted_on_or_get_other_pixels(bench: Any) -> None:
    layer = bench.viewer.add_labels(np.zeros((20, 20), np.int32))
    document = bench.session._documents.of(layer)

    def paint(number: int) -> None:
        layer.data_setitem((np.array([3]), np.array([4])), number)

    paint(5)
    before = Moment.now(document)
    layer.undo()
    assert not before.stands
    layer.redo()
    assert before.stands
    layer.data = layer.data.copy()
    assert not before.stands
    after = Moment.now(document)
    assert after.stands
    paint(6)
    assert not after.stands


def on_zarr(folder: Path) -> tuple[Path, Any]:
    path = folder / "mine.zarr"
    return path, zarr.create_array(path, shape=STACK.shape, chunks=(1, 64, 80), dtype="i4")


def in_a_group(folder: Path) -> tuple[Path, Any]:
    path = folder / "group.zarr"
    group = zarr.open_group(path, mode="w")
    return path, group.create_array("mine", shape=STACK.shape, chunks=(1, 64, 80), dtype="i4")


def as_memmap(folder: Path) -> tuple[Path, Any]:
    path = folder / "mine.dat"
    return path, np.memmap(path, np.int32, "w+", shape=STACK.shape)


@pytest.mark.parametrize("kind", [on_zarr, in_a_group, as_memmap])
def test_nothing_is_kept_in_a_file_that_is_gone(bench: Any, tmp_path: Path, kind: Any) -> None:
    path, pixels = kind(tmp_path)
    show(bench, STACK, at=3)
    layer = target(bench, pixels)
    assert gone(pixels) is None
    accept_at(bench, 3, 20, 50)
    assert np.unique(layer.data[3]).tolist() == [0, 1]
    moved = path.rename(tmp_path / "moved")
    before = sorted(tmp_path.rglob("*"))
    accept_at(bench, 3, 44, 20)
    assert bench.state.problem
    assert "not there any more" in bench.state.status
    assert bench.state.answer is not None  # to be kept elsewhere, or here once it is back
    assert sorted(tmp_path.rglob("*")) == before
    moved.rename(path)
    bench.cells.accept()
    bench.settle()
    assert np.unique(layer.data[3]).tolist() == [0, 1, 2]
    layer.undo()
    layer.undo()
    assert not np.asarray(layer.data[3]).any()


@pytest.mark.parametrize("kind", [on_zarr, as_memmap])
def test_a_search_into_labels_whose_file_goes_says_so(
    bench: Any, tmp_path: Path, kind: Any
) -> None:
    path, pixels = kind(tmp_path)
    show(bench, STACK, at=3)
    layer = target(bench, pixels)
    bench.session.set_tool("find")
    bench.find.look_in("volume")
    bench.find.put_into(layer)
    bench.find.start()
    while "Joining" not in bench.state.status:
        assert bench.loop.turn() or bench.session.jobs.run_next()
    path.rename(tmp_path / "moved")
    bench.settle()
    assert "not there any more" in bench.state.status
    assert bench.state.progress is None
    assert not path.exists()


def test_what_is_in_memory_is_never_gone(tmp_path: Path) -> None:
    path, pixels = as_memmap(tmp_path)
    copy = np.memmap(path, np.int32, "c", shape=STACK.shape)
    path.rename(tmp_path / "moved")
    assert gone(pixels) == path
    assert gone(LabelLevels([pixels])) == path
    for one in (copy, np.zeros(3), zarr.zeros((4, 4)), da.zeros((4, 4))):
        assert gone(one) is None
