"""Find all on a whole stack, as 3-D objects and over time: one layer, one step of undo."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from edit_under_way import half_emptied
from fake_model import blobs
from napari_sam.errors import LabelsError
from napari_sam.images import Plane, Recent
from napari_sam.labels.steps import done_at_once
from napari_sam.labels.table import OPEN, REVIEWED
from napari_sam.ui.labels_layer.track_lines import TrackLines
from napari_sam.ui.layers.axes import letters_of
from napari_sam.ui.tools import joined_results
from napari_sam.ui.tools.joined_results import JoinedResults
from napari_sam.ui.tools.joining import offered
from napari_sam.ui.tools.slice_results import SliceResults
from napari_sam.ui.tools.stack_search import Results
from test_stack_modes import divided

DISCS = blobs((60, 80), ((20, 20), (40, 60)), 5)
BALLS = np.stack([DISCS if 1 < z < 8 else np.full_like(DISCS, 10) for z in range(10)])
MOVIE = divided()


def start(bench: Any, data: np.ndarray, where: str, **how: Any) -> None:
    bench.viewer.add_image(data, name="seen", **how)
    bench.settle()
    bench.find.look_in(where)
    bench.find.start()


def found(bench: Any, noun: str) -> Any:
    return bench.viewer.layers[f"seen {noun}s found"]


def turn_until(bench: Any, condition: Any) -> None:
    for _ in range(2000):
        if condition():
            return
        assert bench.loop.turn() or bench.session.jobs.run_next()
    raise AssertionError("this never happened")


def test_balls_are_objects_with_a_row_each(bench: Any) -> None:
    start(bench, BALLS, "volume", scale=(4, 1, 1))
    bench.settle()
    layer = found(bench, "cell")
    np.testing.assert_array_equal(layer.data > 0, BALLS > 100)
    table = layer.features
    assert table["label"].tolist() == table["index"].tolist() == [1, 2]
    assert table["volume"].tolist() == (4.0 * table["voxels"]).tolist()
    assert (table[REVIEWED] == OPEN).all()
    assert bench.state.found_count == 2
    assert "2 3-D objects" in bench.state.status
    assert bench.state.progress is None
    assert bench.viewer.layers.selection.active.name == "seen"


class OnDisk:
    """A stack that counts how often each of its slices is read."""

    ndim, shape, dtype, size = 3, BALLS.shape, BALLS.dtype, BALLS.size

    def __init__(self) -> None:
        self.reads = np.zeros(len(BALLS), int)

    def __getitem__(self, key: Any) -> np.ndarray:
        first = key[0] if isinstance(key, tuple) else key
        self.reads[first] += 1
        return BALLS[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise AssertionError("read as a whole")


@pytest.mark.parametrize("where", ["volume", "track"])
def test_a_slice_on_disk_is_read_once(bench: Any, where: str) -> None:
    data = OnDisk()
    bench.viewer.add_image(data, name="seen", contrast_limits=(0, 255))
    bench.settle()
    data.reads[:] = 0
    bench.find.look_in(where)
    bench.find.start()
    noun = "cell" if where == "volume" else "track"
    turn_until(bench, lambda: f"seen {noun}s found" in bench.names())
    assert set(data.reads) == {1}
    layer = found(bench, noun)
    np.testing.assert_array_equal(layer.data > 0, BALLS > 100)
    gc.collect()
    assert not any(isinstance(one, Recent) for one in gc.get_objects())  # nothing is kept on


def test_one_undo_takes_all_back_and_redo_brings_it(bench: Any) -> None:
    start(bench, BALLS, "volume")
    bench.settle()
    layer = found(bench, "cell")
    held, table = layer.data.copy(), layer.features.copy()
    layer.undo()
    assert not layer.data.any()
    assert len(layer.features) == 0
    layer.redo()
    np.testing.assert_array_equal(layer.data, held)
    assert layer.features["voxels"].tolist() == table["voxels"].tolist()


def test_tracks_have_lines_with_the_graph_of_their_divisions(bench: Any) -> None:
    start(bench, MOVIE, "track")
    bench.settle()
    layer, lines = found(bench, "track"), bench.viewer.layers["seen tracks found lines"]
    np.testing.assert_array_equal(layer.data > 0, MOVIE > 100)
    table = layer.features.set_index("label")
    daughters = table.index[table["parent"] > 0].tolist()
    assert len(table) == 4
    assert len(daughters) == 2
    assert lines.graph == {child: [table.loc[child, "parent"]] for child in daughters}
    seen = {(int(i), int(t)) for i, t in lines.data[:, :2]}
    there = {(int(i), t) for t, frame in enumerate(layer.data) for i in np.unique(frame[frame > 0])}
    assert seen == there


def test_lines_follow_every_change_of_the_labels(bench: Any) -> None:
    start(bench, MOVIE, "track")
    bench.settle()
    layer = found(bench, "track")
    name = "seen tracks found lines"
    mother = int(layer.features["parent"].max())
    layer.selected_label = 0
    layer.data_setitem(np.nonzero(layer.data == mother), 0)
    bench.settle()
    lines = bench.viewer.layers[name]
    assert mother not in lines.data[:, 0]
    assert lines.graph == {}
    layer.undo()
    bench.settle()
    assert mother in lines.data[:, 0]
    assert len(lines.graph) == 2
    layer.undo()
    bench.settle()
    assert name not in bench.names()  # there are none
    layer.redo()
    bench.settle()
    assert len(bench.viewer.layers[name].graph) == 2


def test_lines_go_with_their_labels_and_a_person_may_take_them_away(bench: Any) -> None:
    start(bench, MOVIE, "track")
    bench.settle()
    bench.viewer.layers.remove("seen tracks found lines")
    layer = found(bench, "track")
    layer.data_setitem(np.nonzero(layer.data == 1), 0)
    bench.settle()
    assert "seen tracks found lines" not in bench.names()
    bench.session.lines.show(layer)
    bench.settle()
    assert "seen tracks found lines" in bench.names()
    bench.viewer.layers.remove(layer)
    bench.settle()
    assert bench.names() == ["seen"]


def test_lines_of_labels_that_change_at_once_follow_all_of_them(bench: Any) -> None:
    """Two without any tracks are waited for only once, and none of two that change is forgotten."""
    bench.viewer.add_image(MOVIE, name="seen")
    layers = [bench.viewer.add_labels(np.zeros(MOVIE.shape, np.int32), name=name) for name in "abc"]
    bench.settle()
    for layer in layers:
        bench.session.lines.show(layer)
    bench.settle()
    assert not {"a lines", "b lines", "c lines"} & set(bench.names())
    for number in (5, 6):
        for layer in layers[:2]:
            layer.data_setitem(np.nonzero(MOVIE[:3] > 100), number)
        bench.settle()
        for name in ("a lines", "b lines"):
            assert set(bench.viewer.layers[name].data[:, 0]) == {number}


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("z", "y", "x"), ["volume"]),
        (("time", "y", "x"), ["track"]),
        (("axis -3", "axis -2", "axis -1"), ["volume", "track"]),
        (("c", "y", "x"), []),
    ],
)
def test_what_is_offered_follows_the_labels_of_the_axes(
    bench: Any, labels: tuple[str, ...], names: list[str]
) -> None:
    bench.viewer.add_image(BALLS, name="seen", axis_labels=labels)
    bench.settle()
    assert [known.name for known in bench.find.joinable()] == names


def test_axes_are_known_by_their_labels(bench: Any) -> None:
    layer = bench.viewer.add_image(
        np.zeros((2, 3, 4, 8, 9)), axis_labels=("Time", "channel", "Z", "y", "x")
    )
    plane = Plane((3, 4), (0, 0, 0, None, None), (8, 9))
    assert letters_of(layer, plane) == "TCZYX"
    turned = Plane((2, 4), (0, 0, None, 0, None), (4, 9))
    assert letters_of(layer, turned) == "TCYQX"
    assert [known.name for known in offered(layer, plane, "cells")] == ["volume", "track"]
    assert offered(layer, plane, "everything") == []


def test_all_slices_become_what_was_chosen(bench: Any) -> None:
    bench.viewer.add_image(BALLS, name="seen")
    bench.settle()
    kinds: list[type[Results]] = [JoinedResults, SliceResults]
    for where, kind in zip(("volume", "stack"), kinds, strict=True):
        bench.find.look_in(where)
        shown = bench.session._bench.shown()
        assert type(bench.find._results(shown, bench.state.find)) is kind
    assert isinstance(bench.session.lines, TrackLines)


def test_a_join_that_fails_says_why_and_ends_the_search(bench: Any, monkeypatch: Any) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise LabelsError("There is no room for it.")

    monkeypatch.setattr(joined_results, "merge_stack", fail)
    start(bench, BALLS, "volume")
    bench.settle()
    assert bench.state.status == "There is no room for it."
    assert bench.state.problem
    assert bench.state.progress is None
    assert bench.names() == ["seen"]
    monkeypatch.undo()
    bench.find.start()
    bench.settle()
    assert len(found(bench, "cell").features) == 2


def test_what_was_joined_waits_for_an_edit_that_is_being_written(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.viewer.add_image(BALLS, name="seen")
    mine = np.zeros(BALLS.shape, np.int32)
    mine[4:6, 16:25, 16:25] = 7
    layer = bench.viewer.add_labels(mine, name="mine")
    bench.settle()
    bench.find.look_in("volume")
    bench.find.put_into(layer)
    bench.find.start()
    turn_until(bench, lambda: "Joining" in bench.state.status)
    steps = half_emptied(bench, layer, monkeypatch)
    assert not bench.state.problem
    done_at_once(steps)
    bench.settle()
    assert "Found 2 3-D objects" in bench.state.status
    np.testing.assert_array_equal(layer.data > 0, BALLS > 100)
    layer.undo()
    bench.settle()  # what takes long on a busy machine is taken back some of it at a time
    assert not layer.data.any()
    layer.undo()
    bench.settle()
    assert (layer.data == 7).any()


def test_a_plane_offers_nothing_and_forgets_what_was_chosen(bench: Any) -> None:
    bench.viewer.add_image(BALLS, name="seen")
    bench.settle()
    bench.find.look_in("volume")
    bench.viewer.add_image(BALLS[4], name="plane")
    bench.session.layers.choose("image", bench.viewer.layers["plane"])
    bench.settle()
    assert bench.state.find.together == ""


def test_labels_of_the_person_stay_and_one_undo_takes_only_ours(bench: Any) -> None:
    bench.viewer.add_image(BALLS, name="seen")
    mine = np.zeros(BALLS.shape, np.int32)
    mine[4:6, 16:25, 16:25] = 7
    mine[8, 2, 2] = 9
    layer = bench.viewer.add_labels(mine.copy(), name="mine")
    bench.settle()
    bench.find.look_in("volume")
    bench.find.adjust(rule="whole")
    bench.find.put_into(layer)
    bench.find.start()
    bench.settle()
    assert "1 left out" in bench.state.status
    assert set(np.unique(layer.data)) == {0, 7, 9, 10}
    np.testing.assert_array_equal(layer.data[mine > 0], mine[mine > 0])
    layer.undo()
    np.testing.assert_array_equal(layer.data, mine)
    bench.find.adjust(rule="replace")
    bench.find.start()
    bench.settle()
    np.testing.assert_array_equal(layer.data > 0, BALLS > 100)
    layer.undo()
    np.testing.assert_array_equal(layer.data, mine)


def test_cancelling_changes_nothing(bench: Any) -> None:
    start(bench, BALLS, "volume")
    turn_until(bench, lambda: (bench.state.found_count or 0) > 1)
    bench.session.cancel()
    assert "of 10 slices. Nothing was changed." in bench.state.status
    assert bench.state.found_count is None
    bench.settle()
    assert bench.names() == ["seen"]
    assert bench.state.progress is None


def test_a_click_is_answered_between_slices(bench: Any) -> None:
    start(bench, BALLS, "volume")
    turn_until(bench, lambda: (bench.state.found_count or 0) > 1)
    bench.session.set_tool("click")
    bench.cells.proposal.add_point((20, 20), 1)
    turn_until(bench, lambda: bench.state.answer is not None)
    assert bench.session.jobs.wants("find")


def test_removing_the_image_or_the_labels_in_the_middle_ends_it(bench: Any) -> None:
    layer_image = bench.viewer.add_image(BALLS, name="seen")
    layer = bench.viewer.add_labels(np.zeros(BALLS.shape, np.int32), name="mine")
    bench.settle()
    bench.find.look_in("volume")
    bench.find.put_into(layer)
    bench.find.start()
    turn_until(bench, lambda: (bench.state.found_count or 0) > 1)
    bench.viewer.layers.remove(layer)
    bench.settle()
    assert "removed" in bench.state.status
    bench.find.put_into(None)
    bench.find.start()
    turn_until(bench, lambda: (bench.state.found_count or 0) > 1)
    bench.viewer.layers.remove(layer_image)
    bench.settle()
    assert bench.names() == []
    assert bench.state.found_count is None


def test_the_count_of_a_stack_is_not_told_of_another_image(bench: Any) -> None:
    start(bench, BALLS, "volume")
    bench.settle()
    assert bench.state.found_count == 2
    bench.viewer.add_image(BALLS[::-1], name="other")
    bench.settle()
    assert bench.state.image.name == "other"
    assert bench.state.found_count is None


def test_settings_of_cells_hold_and_the_recipe_says_them(bench: Any) -> None:
    start(bench, BALLS, "volume")
    bench.find.adjust_options("cells", min_area=50)
    copied: list[str] = []
    bench.find.copy_recipe(False, copied.append)
    assert "ns.segment_volume(" in copied[0]
    assert "min_area=50" in copied[0]
    bench.find.copy_recipe(True, copied.append)
    assert "--mode volume" in copied[1]


def test_a_movie_of_scaled_stacks_in_any_order_of_axes(bench: Any) -> None:
    moving = np.stack([np.roll(BALLS, 2 * t, axis=2) for t in range(3)])
    turned = np.moveaxis(moving, 1, 3)  # t, y, x, z
    bench.viewer.add_image(
        turned, name="seen", scale=(1, 0.5, 0.5, 2), axis_labels=("t", "y", "x", "z")
    )
    bench.viewer.dims.order = (0, 3, 1, 2)
    bench.settle()
    bench.find.look_in("track")
    bench.find.start()
    bench.settle()
    layer = found(bench, "track")
    np.testing.assert_array_equal(layer.data > 0, turned > 100)
    assert layer.features["frames"].tolist() == [3, 3]
    np.testing.assert_array_equal(layer.scale, (1, 0.5, 0.5, 2))
    assert len(bench.viewer.layers["seen tracks found lines"].data) == 6


def test_lines_are_drawn_along_time_where_slices_come_first(bench: Any) -> None:
    """A Tracks layer takes its first axis for time: it gets the axes from the frames' on."""
    twice = np.stack([MOVIE, np.full_like(MOVIE, 10)])  # z, t, y, x: nothing on the second slice
    how = {"scale": (3, 2, 0.5, 0.25), "translate": (9, 1, 5, 7), "shear": [0, 0, 0, 0, 0, 0.5]}
    start(bench, twice, "track", axis_labels=("z", "t", "y", "x"), **how)
    bench.settle()
    layer, lines = found(bench, "track"), bench.viewer.layers["seen tracks found lines"]
    assert lines.ndim == 3
    number, frame, row, column = lines.data[-1]
    there = np.argwhere(layer.data[0, int(frame)] == number).mean(axis=0)
    np.testing.assert_allclose((row, column), there)
    np.testing.assert_allclose(
        lines.data_to_world((frame, row, column)),
        layer.data_to_world((0, frame, row, column))[1:],
    )
    layer.data_setitem(np.nonzero(layer.data == number), 0)
    bench.settle()
    assert number not in lines.data[:, 0]


def test_dask_and_zarr_are_read_slice_by_slice(bench: Any, tmp_path: Any) -> None:
    dask, zarr = pytest.importorskip("dask.array"), pytest.importorskip("zarr")
    stored = zarr.create_array(
        tmp_path / "in.zarr", shape=BALLS.shape, chunks=(1, 60, 80), dtype="u1"
    )
    stored[:] = BALLS
    lazy = dask.from_array(BALLS, chunks=(1, 60, 80))
    for data in (stored, lazy):
        start(bench, data, "volume", contrast_limits=(0, 255))
        bench.settle()
        np.testing.assert_array_equal(found(bench, "cell").data > 0, BALLS > 100)
        bench.viewer.layers.clear()
        bench.settle()


def test_labels_on_zarr_are_written_with_undo(bench: Any, tmp_path: Any) -> None:
    zarr = pytest.importorskip("zarr")
    stored = zarr.create_array(
        tmp_path / "out.zarr", shape=BALLS.shape, chunks=(1, 60, 80), dtype="u2"
    )
    bench.viewer.add_image(BALLS, name="seen")
    layer = bench.viewer.add_labels(stored, name="mine")
    bench.settle()
    bench.find.look_in("volume")
    bench.find.put_into(layer)
    bench.find.start()
    bench.settle()
    np.testing.assert_array_equal(stored[:] > 0, BALLS > 100)
    layer.undo()
    assert not stored[:].any()


def test_nothing_found_says_what_to_try(bench: Any) -> None:
    start(bench, np.full((4, 64, 80), 10, np.uint8), "volume")
    bench.settle()
    assert bench.names() == ["seen"]
    assert "No cells were found" in bench.state.status


def test_a_crash_gives_the_objects_back(make_bench: Any) -> None:
    bench = make_bench()
    start(bench, blobs((6, 60, 80), ((3, 20, 20),), 4), "volume")
    bench.settle()
    document = bench.session._documents.known(found(bench, "cell"))
    assert document is not None
    assert document.recorder.unsaved


def joining(bench: Any, into: np.ndarray | None = None) -> Any:
    """All slices were searched, and what was found is about to be joined."""
    image = bench.viewer.add_image(BALLS, name="seen", axis_labels=("z", "y", "x"))
    mine = None if into is None else bench.viewer.add_labels(into, name="mine")
    bench.settle()
    bench.session.set_tool("find")
    bench.find.look_in("volume")
    bench.find.put_into(mine)
    bench.find.start()
    turn_until(bench, lambda: "Joining" in bench.state.status)
    return image, mine


def joined_but_not_written(bench: Any) -> None:
    while not bench.session.jobs.run_next():
        assert bench.loop.turn()


@pytest.mark.parametrize("moment", [lambda bench: None, joined_but_not_written])
@pytest.mark.parametrize("what", ["image", "labels", "pixels"])
def test_what_goes_while_objects_are_joined_gets_none(bench: Any, moment: Any, what: str) -> None:
    image, mine = joining(bench, np.zeros(BALLS.shape, np.int32))
    moment(bench)
    if what == "pixels":
        image.data = BALLS[4]
    else:
        bench.viewer.layers.remove(image if what == "image" else mine)
    bench.settle()
    assert bench.state.problem
    assert "removed" in bench.state.status
    assert "Nothing was changed" in bench.state.status
    assert bench.state.progress is None
    assert bench.state.found_count is None
    assert not mine.data.any()


@pytest.mark.parametrize("moment", [lambda bench: None, joined_but_not_written])
@pytest.mark.parametrize("what", ["size", "place"])
def test_labels_that_no_longer_lie_on_the_image_get_no_objects(
    bench: Any, moment: Any, what: str
) -> None:
    _, mine = joining(bench, np.zeros(BALLS.shape, np.int32))
    moment(bench)
    if what == "size":
        mine.data = mine.data[:5].copy()
    else:
        mine.translate = (2, 0, 0)
    bench.settle()
    assert bench.state.problem
    told = "Choose labels of the same size" if what == "size" else "Give both the same transform"
    assert told in bench.state.status
    assert bench.state.progress is None
    assert not mine.data.any()


def test_an_image_that_goes_while_objects_are_joined_gets_no_new_labels(bench: Any) -> None:
    image, _ = joining(bench)
    joined_but_not_written(bench)
    image.data = BALLS[4]
    bench.settle()
    assert "changed or removed" in bench.state.status
    assert bench.names() == ["seen"]


@pytest.mark.parametrize("at", [(0, 2, 2), (4, 20, 20)], ids=["beside", "on a cell"])
def test_a_new_label_painted_while_objects_are_joined_stays_one_of_its_own(
    bench: Any, at: tuple[int, int, int]
) -> None:
    before = np.zeros(BALLS.shape, np.int32)
    before[0, 50, 50] = 3
    _, mine = joining(bench, before.copy())
    joined_but_not_written(bench)
    mine.data_setitem(tuple(np.array([i]) for i in at), 4)  # as napari numbers a new label
    bench.settle()
    assert np.argwhere(mine.data == 4).tolist() == [list(at)]
    assert set(np.unique(mine.data)) == {0, 3, 4, 5, 6}
    assert "Found 2 3-D objects" in bench.state.status
    mine.undo()
    before[at] = 4
    np.testing.assert_array_equal(mine.data, before)
