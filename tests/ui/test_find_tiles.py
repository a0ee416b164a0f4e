"""Find all on a plane too large to be read: in tiles, what is visible first, into labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fake_model import FakeModel
from napari_sam.images import samples
from napari_sam.labels.levels import LabelLevels, empty_levels
from napari_sam.ui.layers import room
from napari_sam.ui.tools import tile_region, tile_results, tiled_search

SIDE, RADIUS = 4000, 7
AREA = 149  # pixels of a disc
CENTRES = [(15, 15), (15, 60), (1_690, 1_710), (1_730, 1_710), (3_980, 3_980)]


class Slide:
    """A plane with a disc here and there, computed where it is read, and never as a whole."""

    ndim, dtype = 2, np.dtype(np.uint8)
    shape, size = (SIDE, SIDE), SIDE**2

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, columns = (np.arange(SIDE)[part] for part in key)
        found = np.full((len(rows), len(columns)), 10, np.uint8)
        assert found.size < SIDE**2 / 10
        for row, column in CENTRES:
            near = (rows - row)[:, None] ** 2 + (columns - column) ** 2 <= RADIUS**2
            found[near] = 200
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise AssertionError("read as a whole")


@pytest.fixture
def slide(bench: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A large plane with five cells, at two of which, in its middle, a person looks."""
    monkeypatch.setattr(FakeModel, "field", 256)
    monkeypatch.setattr("napari_sam.images.plane.WHOLE", 10**6)
    small = np.zeros((SIDE // 16, SIDE // 16), np.uint8)
    bench.viewer.add_image(
        [Slide(), small], multiscale=True, contrast_limits=(0, 255), name="slide"
    )
    bench.viewer.canvas.size = (300, 390)
    bench.viewer.scene.camera.zoom = 2.0
    bench.viewer.scene.camera.center = (0, 1_710, 1_710)
    bench.find.bench.preferences.remember(use_contrast_limits=True)
    bench.find.bench.changed()
    bench.session.set_tool("find")
    bench.settle()
    bench.find.adjust_options("cells", diameter=14.0)
    bench.model.encoded.clear()
    return bench


def found(bench: Any) -> Any:
    return bench.viewer.layers["slide cells found"]


def step(bench: Any) -> bool:
    """Let one tile be searched, and all that follows from it."""
    ran = bench.session.jobs.run_next()
    while bench.loop.turn():
        pass
    return bool(ran)


def check(labels: Any, centres: list[tuple[int, int]]) -> None:
    """Exactly these discs are there, each with a number and a row of its own."""
    ids = [int(labels.data[0][centre]) for centre in centres]
    assert len(set(ids) - {0}) == len(centres)
    assert np.count_nonzero(labels.data[0]) == AREA * len(centres)
    assert LabelLevels(labels.data).steps[:2] == (1, 2)
    np.testing.assert_array_equal(labels.data[1], labels.data[0][::2, ::2])
    table = labels.features.set_index("index")
    assert sorted(table.index) == sorted(ids)
    for number, centre in zip(ids, centres, strict=True):
        row = table.loc[number]
        assert (row["label"], row["area"]) == (number, AREA)
        np.testing.assert_allclose((row["centroid_row"], row["centroid_col"]), centre)


def test_what_is_visible_comes_first_and_all_of_it_in_the_end(slide: Any) -> None:
    slide.find.start()
    assert "in tiles" in slide.state.status
    step(slide)
    assert slide.state.found_count == 2
    check(found(slide), CENTRES[2:4])
    assert slide.state.status.startswith("Tile 1 of ")
    assert 0 < slide.state.progress < 0.2
    slide.settle()
    check(found(slide), CENTRES)
    assert len(slide.model.encoded) < 12  # the empty tiles were not shown to the model
    assert slide.state.progress is None
    assert "5 cells in 'slide cells found'" in slide.state.status
    assert slide.find.parts.documents.known(found(slide)).can_undo


def test_cancelled_it_keeps_what_is_there_and_begins_anew(slide: Any) -> None:
    slide.find.start()
    step(slide)
    slide.session.cancel()
    assert "Stopped after 1 of " in slide.state.status
    assert slide.state.progress is None
    slide.settle()
    check(found(slide), CENTRES[2:4])
    slide.find.put_into(found(slide))
    slide.find.start()
    slide.settle()
    check(found(slide), CENTRES)  # nothing twice


def test_a_cell_kept_meanwhile_has_a_number_of_its_own(slide: Any) -> None:
    slide.find.start()
    step(slide)
    labels = found(slide)
    slide.state.target = labels
    slide.session.set_tool("click")
    slide.click(15, 17)
    while step(slide) and slide.state.answer is None:
        pass
    slide.press("Enter")
    assert np.count_nonzero(labels.data[0][:30, :30]) == AREA
    slide.settle()
    check(labels, CENTRES)


@pytest.mark.parametrize("where", ["visible", "shapes"])
def test_a_part_is_searched_alone(where: str, slide: Any) -> None:
    region: Any = where
    expected = CENTRES[2:4]
    if where == "shapes":
        outline = [(0, 40), (0, 90), (50, 90), (50, 40)]
        region = slide.viewer.add_shapes([outline], shape_type="polygon", name="here")
        expected = CENTRES[1:2]
        slide.viewer.layers.selection.active = slide.viewer.layers["slide"]
    slide.find.look_in(region)
    slide.settle()
    slide.find.start()
    slide.settle()
    check(found(slide), expected)
    assert len(slide.model.encoded) <= 2


def test_undo_takes_back_a_tile(slide: Any) -> None:
    slide.find.start()
    slide.settle()
    document = slide.find.parts.documents.known(found(slide))
    while document.can_undo:
        document.undo()
    assert not found(slide).data[0].any()
    assert len(found(slide).features) == 0


def test_nothing_found_leaves_no_layer(slide: Any) -> None:
    slide.find.adjust_options("cells", min_area=1000)
    slide.find.start()
    slide.settle()
    assert slide.names() == ["slide"]
    assert "Nothing was changed" in slide.state.status


def test_a_removed_image_or_layer_ends_it(slide: Any) -> None:
    slide.find.start()
    step(slide)
    slide.viewer.layers.remove("slide cells found")
    slide.settle()
    assert "removed" in slide.state.status
    assert slide.state.progress is None


def test_labels_that_have_no_room_are_refused_with_a_way_out(
    slide: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "available", lambda: 10**6)
    slide.find.start()
    assert slide.state.problem
    for way in ("what is visible", "zarr", "command line"):
        assert way in slide.state.status
    slide.find.look_in("visible")
    slide.find.start()
    slide.settle()
    check(found(slide), CENTRES[2:4])


@pytest.mark.parametrize("rule", ["whole", "replace"])
def test_only_empty_places_of_labels_are_filled(rule: str, slide: Any) -> None:
    levels = empty_levels((SIDE, SIDE))
    there = slide.viewer.add_labels(levels, multiscale=True, name="there")
    slide.viewer.layers.selection.active = slide.viewer.layers["slide"]
    slide.find.put_into(there)
    slide.find.adjust(rule=rule)
    slide.find.start()
    assert "empty places" in slide.state.status
    assert not slide.session.jobs.wants("find")


def test_places_are_held_by_windows_and_outlines() -> None:
    ring = np.array([(0.0, 0.0), (0.0, 10.0), (10.0, 0.0)])
    area = tile_region.Area((0, 0, 10, 10), ring)
    assert area.holds(np.array([[2.0, 2.0], [8.0, 8.0]])).tolist() == [True, False]
    assert area.touches((9, 9, 20, 20))
    assert not area.touches((10, 0, 20, 20))


def test_what_a_worker_finds_is_written_aside() -> None:
    from napari_sam.images import Plane

    labels = np.zeros((20, 20), np.int32)
    labels[3, 3] = 9
    pending = tile_results.PendingLabels(labels, Plane((0, 1), (None, None), labels.shape))
    assert pending.read(slice(0, 5), slice(0, 5))[3, 3] == -1
    pending.write(slice(0, 5), slice(0, 5), np.full((5, 5), 4))
    assert np.count_nonzero(labels) == 1


def test_only_large_planes_are_searched_in_tiles(bench: Any) -> None:
    bench.viewer.add_image(np.zeros((60, 80), np.uint8))
    bench.settle()
    assert samples.IN_MEMORY > 60 * 80
    assert not tiled_search.TiledSearch.needed(bench.find.bench.shown())
