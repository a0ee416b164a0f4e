"""Brush and eraser: the proposed outline, and that of a kept cell, changed by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_model import blobs
from napari_sam.regions import Region
from napari_sam.strokes import brushed
from napari_sam.ui.canvas.brush_cursor import BrushCursor
from napari_sam.ui.canvas.clicks import RIGHT
from napari_sam.ui.proposing.painted import painted
from napari_sam.ui.tools.brush import Brush
from napari_sam.ui.tools.brush_targets import Proposed, Stroke

BESIDE = [(20.0, 24.0), (20.0, 32.0)]  # from inside the cell at (20, 20) to beside it


@pytest.fixture
def ready(bench):
    bench.viewer.add_image(blobs(), name="nuclei")
    bench.settle()
    return bench


@pytest.fixture
def proposed(ready):
    ready.click(20, 20)
    ready.settle()
    ready.press("B")
    return ready


@pytest.fixture
def kept(ready):
    ready.click(20, 20)
    ready.settle()
    ready.press("Enter")
    ready.settle()
    ready.press("B")
    return ready


def labels(bench):
    return bench.viewer.layers["nuclei cells"]


def outline(bench) -> np.ndarray:
    answer = bench.state.answer
    return answer.regions(bench.state.choices)[0].on(answer.plane.shape)


def stroke(bench, *path, **how):
    event = bench.drag(*path, **how)
    bench.settle()
    return event


def test_a_stroke_changes_the_proposed_outline_and_is_taken_back(proposed):
    assert isinstance(proposed.cells.pens.brush, Brush)
    before = outline(proposed)
    assert stroke(proposed, *BESIDE).handled
    assert outline(proposed)[20, 32]
    stroke(proposed, (20.0, 30.0), button=RIGHT)
    assert not outline(proposed)[20, 30]
    assert outline(proposed)[20, 20]
    proposed.press("Control-Z")
    proposed.press("Control-Z")
    assert (outline(proposed) == before).all()
    assert proposed.state.answer is not None
    proposed.press("Control-Z")
    proposed.settle()
    assert proposed.state.answer is None


def test_a_stroke_is_made_once_more_on_what_is_proposed_and_never_on_an_older_answer(proposed):
    strokes: list[Stroke] = []
    answer, before = proposed.state.answer, outline(proposed)
    target = Proposed(proposed.cells.parts, answer, 0, strokes.append)
    target.put(Region(np.ones((3, 4), bool), 18, 30))
    now = outline(proposed)
    assert now.sum() == 12
    target.put(target.region)  # of an answer that is no longer there
    assert (outline(proposed) == now).all()
    assert strokes[-1].newest()
    strokes[-1].take_back()
    assert (outline(proposed) == before).all()
    assert not strokes[-1].newest()
    assert strokes[-1].again()
    assert (outline(proposed) == now).all()
    assert [stroke.newest() for stroke in strokes] == [False, True]


def test_what_was_painted_is_kept_and_a_dab_is_no_click(proposed):
    proposed.press("E")
    proposed.click(20, 20)
    proposed.settle()
    assert len(proposed.state.answer.prompts[0].points) == 1
    proposed.press("Enter")
    proposed.settle()
    assert labels(proposed).data[20, 20] == 0
    assert labels(proposed).data[20, 26] == 1


def test_a_click_goes_on_from_what_was_painted(proposed):
    stroke(proposed, *BESIDE)
    painted_now = outline(proposed)
    proposed.press("B")
    proposed.click(26, 20)
    proposed.settle()
    prompt = proposed.state.answer.prompts[0]
    assert (prompt.mask == painted_now).all()
    proposed.press("Control-Z")
    proposed.settle()
    assert (outline(proposed) == painted_now).all()
    proposed.press("Control-Z")  # the stroke is the newest mark once more
    proposed.settle()
    assert not outline(proposed)[20, 32]


def test_another_cell_leaves_a_painted_one_and_what_was_chosen(ready):
    ready.cells.proposal.set_each_point(True)
    ready.click(20, 20)
    ready.settle()
    ready.press("2")
    ready.press("B")
    stroke(ready, *BESIDE)
    painted_now = outline(ready)
    ready.press("B")
    ready.click(40, 60)
    ready.settle()
    assert ready.state.choices == (1, 0)
    assert (outline(ready) == painted_now).all()


def test_scrolling_away_and_back_leaves_what_was_painted(bench):
    bench.viewer.add_image(np.stack([blobs()] * 3), name="stack")
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    bench.click(1, 20, 20)
    bench.settle()
    bench.press("B")
    stroke(bench, *((1.0, *place) for place in BESIDE))
    now = outline(bench)
    for at in (2, 1):
        bench.viewer.dims.set_point(0, at)
        bench.settle()
    assert (outline(bench) == now).all()
    bench.press("Enter")
    bench.settle()
    assert set(np.unique(np.nonzero(bench.viewer.layers["stack cells"].data)[0])) == {1}


def test_a_kept_cell_is_taken_in_hand_and_painted_stroke_by_stroke(kept):
    before = labels(kept).data.copy()
    stroke(kept, *BESIDE)
    assert kept.state.in_hand == 1
    assert labels(kept).data[20, 32] == 1
    assert labels(kept).features["score"].tolist() == [1.0]
    stroke(kept, (20.0, 20.0), button=RIGHT)
    assert labels(kept).data[20, 20] == 0
    kept.press("Control-Z")
    kept.settle()
    assert labels(kept).data[20, 20] == 1
    kept.press("Control-Z")
    kept.settle()
    assert (labels(kept).data == before).all()


def test_the_brush_leaves_other_cells_alone_unless_it_may_not(kept):
    labels(kept).data_setitem(np.nonzero(np.pad(np.ones((9, 4)), ((16, 39), (30, 46)))), 2)
    kept.settle()
    stroke(kept, *BESIDE)
    assert labels(kept).data[20, 32] == 2
    kept.cells.set_overlap("overwrite")
    stroke(kept, *BESIDE)
    assert labels(kept).data[20, 32] == 1


def test_every_piece_of_a_stroke_is_painted_once(proposed, monkeypatch):
    pieces = []

    def counting(region, path, *how, **more):
        pieces.append(len(path))
        return brushed(region, path, *how, **more)

    monkeypatch.setattr("napari_sam.ui.tools.brush.brushed", counting)
    way = [(20.0, 20.0 + column) for column in range(40)]
    stroke(proposed, *way)
    assert sum(pieces) <= 2 * len(way)
    assert outline(proposed)[20, 20:60].all()


def test_nothing_to_paint_on_and_all_erased_change_nothing(kept):
    before = labels(kept).data.copy()
    assert stroke(kept, (50.0, 20.0), (52.0, 22.0)).handled
    assert "mark a cell first" in kept.state.status
    kept.cells.pens.brush.resize(60)
    stroke(kept, (20.0, 20.0), button=RIGHT)
    assert "erase all" in kept.state.status
    assert (labels(kept).data == before).all()


def test_a_kept_cell_is_painted_on_through_the_stack(bench):
    image = np.stack([blobs()] * 4)
    bench.viewer.add_image(image, name="stack")
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    bench.click(1, 20, 20)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    bench.press("B")
    stroke(bench, (1.0, 20.0, 20.0), (1.0, 20.0, 22.0))
    data = bench.viewer.layers["stack cells"].data
    stroke(bench, (1.0, 20.0, 24.0), (1.0, 20.0, 28.0))
    one = data[1].copy()
    bench.viewer.dims.set_point(0, 2)
    bench.settle()
    stroke(bench, (2.0, 21.0, 20.0), (2.0, 21.0, 22.0))
    assert (data[1] == one).all()
    assert data[2, 21, 21] == 1
    assert data[0].max() == data[3].max() == 0
    bench.viewer.dims.set_point(0, 0)  # two slices away: another cell is meant
    bench.settle()
    stroke(bench, (0.0, 21.0, 20.0), (0.0, 21.0, 22.0))
    assert data[0].max() == 0
    bench.press("Control-Z")
    bench.settle()
    assert data[2].max() == 0


def test_a_stroke_beside_the_cell_on_the_next_slice_adds_to_it(bench):
    bench.viewer.add_image(np.stack([blobs()] * 2), name="stack")
    bench.viewer.dims.set_point(0, 0)
    bench.settle()
    bench.click(0, 20, 20)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    layer = bench.viewer.layers["stack cells"]
    small = np.pad(np.ones((1, 4, 4)), ((1, 0), (18, 42), (18, 58)))
    layer.data_setitem(np.nonzero(small), 1)
    bench.settle()
    bench.press("B")
    stroke(bench, (0.0, 20.0, 20.0), (0.0, 20.0, 22.0))
    bench.viewer.dims.set_point(0, 1)
    bench.settle()
    stroke(bench, (1.0, 26.0, 20.0), (1.0, 26.0, 22.0))
    assert layer.data[1, 26, 21] == 1
    assert (layer.data[1, 18:22, 18:22] == 1).all()  # what was there stays


def test_a_stroke_over_a_change_of_slice_is_dropped(bench):
    from napari.utils.interactions import mouse_release_callbacks

    bench.viewer.add_image(np.stack([blobs()] * 2), name="stack")
    bench.settle()
    here = float(bench.viewer.dims.current_step[0])
    bench.click(here, 20, 20)
    bench.settle()
    bench.press("Enter")
    bench.settle()
    bench.press("B")
    before = bench.viewer.layers["stack cells"].data.copy()
    event = bench.drag((here, 20.0, 20.0), (here, 20.0, 30.0), release=False)
    bench.viewer.dims.set_point(0, 1 - here)
    event.type = "mouse_release"
    mouse_release_callbacks(bench.viewer, event)
    bench.settle()
    assert (bench.viewer.layers["stack cells"].data == before).all()


def test_the_circle_shows_how_far_the_brush_reaches(bench):
    assert isinstance(bench.cells.pens.brush._cursor, BrushCursor)
    bench.viewer.add_image(blobs(), name="nuclei", scale=(0.5, 0.5))
    bench.settle()
    bench.press("]")
    assert bench.state.brush_size == 10  # the keys are those of a brush in use
    bench.press("B")
    bench.press("]")
    bench.press("]")
    bench.press("[")
    cursor = bench.viewer.cursor
    assert (cursor.style, cursor.size) == ("circle", 11 * 0.5)
    bench.viewer.add_points([(1, 1)])
    assert cursor.style == "circle"
    bench.press("B")
    assert cursor.style == "standard"


PLACES = {
    "affine": ({"affine": np.diag([1.0, 0.1, 0.1, 1.0])}, (0, 1, 2), 0.1),
    "scale and affine": ({"scale": (1, 2, 2), "affine": np.diag([1, 0.1, 0.1, 1])}, (0, 1, 2), 0.2),
    "other units": ({"scale": (1, 0.5, 0.5), "units": ("um", "um", "um")}, (0, 1, 2), 500.0),
    "another axis": ({"scale": (0.01, 2, 3)}, (2, 0, 1), 0.01),
    "a hidden axis": ({"scale": (3, 3, 0.01)}, (2, 0, 1), 3.0),
    "flipped": ({"scale": (1, -2, -2)}, (0, 1, 2), 2.0),
}


@pytest.mark.parametrize("name", PLACES)
def test_circle_and_lines_are_as_wide_as_the_pixels_that_are_seen(bench, name):
    how, order, side = PLACES[name]
    if "units" in how:  # those of the world
        bench.viewer.add_image(np.zeros((4, 9, 9)), units=("nm", "nm", "nm"))
    image = bench.viewer.add_image(blobs((40, 64, 80), ((20, 20, 20),)), **how)
    bench.viewer.dims.order = order
    hidden = order[0]
    bench.viewer.dims.set_point(hidden, bench.viewer.dims.range[hidden].stop / 2)
    bench.settle()
    bench.press("B")
    assert bench.viewer.cursor.size == pytest.approx(bench.state.brush_size * side)
    bench.viewer.scene.camera.zoom = 0.5 / side  # two pixels of the image on one of the screen
    plane = bench.session._bench.plane()
    assert bench.cells.proposal.preview.line_width(image, plane) == 4


def test_the_circle_follows_another_image(bench):
    bench.viewer.add_image(blobs(), scale=(0.5, 0.5))
    bench.settle()
    bench.press("B")
    bench.viewer.add_image(blobs(), scale=(2, 2))
    bench.settle()
    assert bench.viewer.cursor.size == pytest.approx(bench.state.brush_size * 2)


@given(
    st.lists(st.tuples(st.integers(-3, 12), st.integers(-3, 14)), min_size=1, max_size=4),
    st.integers(1, 9),
    st.booleans(),
)
def test_the_brush_paints_what_is_near_its_path_and_nothing_else(path, size, erase):
    rng = np.random.default_rng(size)
    before = rng.random((10, 12)) < 0.5
    way = np.array(path, float)
    after = brushed(Region.of(before), way, size, (10, 12), erase=erase).on((10, 12))
    changed = before != after
    fine = np.concatenate(
        [a + (b - a) * np.linspace(0, 1, 200)[:, None] for a, b in itertools.pairwise(way)] or [way]
    )
    places = np.indices((10, 12)).reshape(2, -1).T
    apart = np.linalg.norm(places[:, None] - fine, axis=2).min(axis=1).reshape(10, 12)
    reach = max(size / 2, 0.5**0.5)
    assert not changed[apart > reach + 0.1].any()
    assert (after[apart < reach - 0.1] != erase).all()
    middle = len(way) // 2
    piece = brushed(Region.of(before), way[: middle + 1], size, (10, 12), erase=erase)
    joined = brushed(piece, way[middle:], size, (10, 12), erase=erase).on((10, 12))
    assert (joined == after).all()


def test_one_candidate_is_painted_and_the_others_stay(proposed):
    answer = proposed.state.answer
    new = painted(answer, 0, 1, Region(np.ones((2, 2), bool), 60, 70))
    assert new.regions(1)[0].box == (60, 70, 62, 72)
    assert (new.regions(0)[0].mask == answer.regions(0)[0].mask).all()
    assert new.painted == {0}
